package cluster

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/loadgen"
)

// deathNotice is how long it takes at most until a process that has ended is
// known to have.
const deathNotice = 2 * time.Second

// Drive sends load to every node, until ctx is done or the load's duration is over,
// and tells what each acknowledged, in the order of the nodes. What is sent to
// a node that dies meanwhile fails, and that is no error.
//
// The nodes' loads differ: in the keys that are drawn, and in when they swell.
func (c *Cluster) Drive(ctx context.Context, cfg loadgen.Config) ([]loadgen.Report, error) {
	reports := make([]loadgen.Report, len(c.Members))
	err := c.each(ctx, cfg, func(ctx context.Context, i int, own loadgen.Config) (err error) {
		reports[i], err = loadgen.Run(ctx, own)
		return err
	})
	return reports, err
}

// DriveOn is Drive without an end: a node that is too slow for its load is told of, and
// the load goes on.
func (c *Cluster) DriveOn(ctx context.Context, cfg loadgen.Config, tell func(m *Member, err error)) error {
	cfg.Duration = math.MaxInt64
	return c.each(ctx, cfg, func(ctx context.Context, i int, own loadgen.Config) error {
		for m := c.Members[i]; ; {
			_, err := loadgen.Run(ctx, own)
			if err == nil || ctx.Err() != nil || !m.isAlive() {
				return err
			}
			select {
			case <-m.Done():
			case <-ctx.Done():
			case <-time.After(deathNotice):
				tell(m, err)
			}
		}
	})
}

// each runs the load of each node, until all have ended or that of a node that runs fails.
func (c *Cluster) each(ctx context.Context, cfg loadgen.Config, run func(ctx context.Context, i int, own loadgen.Config) error) error {
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan struct{})
	for i, m := range c.Members {
		own := cfg
		own.RedisAddr, own.HTTPAddr, own.DynamoDBAddr = m.Addrs.Redis, m.Addrs.HTTP, m.Addrs.DynamoDB
		own.S3Addr, own.SQSAddr = m.Addrs.S3, m.Addrs.SQS
		own.Seed += uint64(i)
		own.Wave += time.Duration(i) * cfg.Wave / time.Duration(2*len(c.Members))
		go func() {
			defer func() { ended <- struct{}{} }()
			err := run(running, i, own)
			if err == nil || running.Err() != nil {
				return
			}
			select {
			case <-m.Done():
			case <-time.After(deathNotice):
				cancel(fmt.Errorf("load of %s: %w", m.Name, err))
			}
		}()
	}
	for range c.Members {
		<-ended
	}
	if ctx.Err() == nil && len(c.alive()) == 0 {
		return errors.New("no node is left")
	}
	if ctx.Err() == nil {
		return context.Cause(running)
	}
	return nil
}
