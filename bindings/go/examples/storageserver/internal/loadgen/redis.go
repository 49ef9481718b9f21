package loadgen

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

type redisClient struct {
	client *redis.Client
}

func newRedisClient(addr string, workers int) client {
	return &redisClient{client: redis.NewClient(&redis.Options{
		Addr:     addr,
		PoolSize: workers,
		Protocol: 2,
		// A command that is sent again after an error could count twice on the
		// server and once here.
		MaxRetries:               -1,
		ReadTimeout:              requestTimeout,
		WriteTimeout:             requestTimeout,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})}
}

func (c *redisClient) label() keyviz.Label { return keyviz.LabelRedis }

func (c *redisClient) prepare(context.Context) error { return nil }

func (c *redisClient) close() error { return c.client.Close() }

func (c *redisClient) request(ctx context.Context, w *workload, t *Tally) error {
	switch p := w.percent(); {
	case p < 50:
		return c.get(ctx, w, t)
	case p < 72:
		return c.set(ctx, w, t)
	case p < 80:
		return c.mget(ctx, w, t)
	case p < 86:
		return c.mset(ctx, w, t)
	case p < 90:
		return c.ask(ctx, w, t)
	case p < 94:
		return c.strlen(ctx, w, t)
	default:
		return c.del(ctx, w, t)
	}
}

func (c *redisClient) get(ctx context.Context, w *workload, t *Tally) error {
	key := w.key()
	t.SentReads++
	value, err := c.client.Get(ctx, key).Bytes()
	if err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	t.Acknowledged.AddRead(len(key), len(value))
	return nil
}

func (c *redisClient) set(ctx context.Context, w *workload, t *Tally) error {
	key, value := w.key(), w.value()
	t.SentWrites++
	if err := c.client.Set(ctx, key, value, 0).Err(); err != nil {
		return err
	}
	t.Acknowledged.AddWrite(len(key), len(value))
	return nil
}

func (c *redisClient) mget(ctx context.Context, w *workload, t *Tally) error {
	keys := w.keys(2, 8)
	t.SentReads += uint64(len(keys))
	values, err := c.client.MGet(ctx, keys...).Result()
	if err != nil {
		return err
	}
	if len(values) != len(keys) {
		return fmt.Errorf("MGET of %d keys gave %d values", len(keys), len(values))
	}
	for i, key := range keys {
		value, _ := values[i].(string) // nil for a key that isn't there
		t.Acknowledged.AddRead(len(key), len(value))
	}
	return nil
}

func (c *redisClient) mset(ctx context.Context, w *workload, t *Tally) error {
	keys := w.keys(2, 5)
	pairs := make([]any, 0, 2*len(keys))
	var written Tally
	for _, key := range keys {
		value := w.value()
		pairs = append(pairs, key, value)
		written.Acknowledged.AddWrite(len(key), len(value))
	}
	t.SentWrites += uint64(len(keys))
	if err := c.client.MSet(ctx, pairs...).Err(); err != nil {
		return err
	}
	t.add(written)
	return nil
}

// ask sends EXISTS, which returns no value: its reads count the keys alone.
func (c *redisClient) ask(ctx context.Context, w *workload, t *Tally) error {
	keys := w.keys(1, 3)
	t.SentReads += uint64(len(keys))
	if err := c.client.Exists(ctx, keys...).Err(); err != nil {
		return err
	}
	for _, key := range keys {
		t.Acknowledged.AddRead(len(key), 0)
	}
	return nil
}

func (c *redisClient) strlen(ctx context.Context, w *workload, t *Tally) error {
	key := w.key()
	t.SentReads++
	if err := c.client.StrLen(ctx, key).Err(); err != nil {
		return err
	}
	t.Acknowledged.AddRead(len(key), 0)
	return nil
}

func (c *redisClient) del(ctx context.Context, w *workload, t *Tally) error {
	keys := w.keys(1, 3)
	t.SentWrites += uint64(len(keys))
	if err := c.client.Del(ctx, keys...).Err(); err != nil {
		return err
	}
	for _, key := range keys {
		t.Acknowledged.AddWrite(len(key), 0)
	}
	return nil
}
