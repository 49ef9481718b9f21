package loadgen

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

const (
	// requestTimeout bounds one request; the end of a run cuts none short.
	requestTimeout = 10 * time.Second
	// prepareTimeout bounds what has to be there before the first request.
	prepareTimeout = 20 * time.Second
	// waveTick is how often the request rate follows its wave.
	waveTick = 100 * time.Millisecond
)

// Config bounds and shapes a run. All front ends are driven at once.
type Config struct {
	// Where the front ends listen, host:port; one without an address is left out.
	RedisAddr    string
	HTTPAddr     string
	DynamoDBAddr string
	S3Addr       string
	SQSAddr      string

	Duration      time.Duration // the run ends after this time…
	MaxRequests   uint64        // …or after this many requests for each front end; 0 = no such bound
	Workers       int           // concurrent clients for each front end
	Rate          float64       // requests per second for each front end, on average; 0 = as fast as it goes
	Wave          time.Duration // period of the rise and fall of the rate; 0 = steady
	Keys          uint64        // distinct keys for each front end
	Skew          float64       // exponent of the Zipf distribution of the keys, > 1
	MaxValueBytes int           // longest value, in bytes
	HotPercent    int           // of the keys, so many are one planted key for each front end
	Seed          uint64
}

// Validate says what is wrong with a configuration.
func (c Config) Validate() error {
	switch {
	case c.RedisAddr == "" && c.HTTPAddr == "" && c.DynamoDBAddr == "" && c.S3Addr == "" && c.SQSAddr == "":
		return errors.New("there must be a front end to drive")
	case c.Duration <= 0:
		return errors.New("the duration must be positive")
	case c.Workers <= 0:
		return errors.New("there must be at least one worker")
	case c.Rate < 0 || math.IsInf(c.Rate, 0) || math.IsNaN(c.Rate):
		return errors.New("the rate must be a number of requests per second, or 0")
	case c.Wave < 0:
		return errors.New("the period of the wave can't be negative")
	case c.Keys == 0:
		return errors.New("there must be at least one key")
	case !(c.Skew > 1) || math.IsInf(c.Skew, 0):
		return errors.New("the skew must be greater than 1")
	case c.HotPercent < 0 || c.HotPercent > 100:
		return errors.New("the planted key's share must be a percentage")
	case c.MaxValueBytes < 0:
		return errors.New("the longest value can't be negative")
	}
	return nil
}

// client is one protocol. prepare makes what the requests need to be there and
// counts nothing. request draws a request, sends it, and books the accesses that
// it sent and those that were acknowledged.
type client interface {
	label() keyviz.Label
	prepare(ctx context.Context) error
	request(ctx context.Context, w *workload, t *Tally) error
	close() error
}

// Run drives the server until a bound is reached or ctx is done, whichever is
// first. It stops at the first request that fails; the report then still tells
// what had been done by then.
func Run(ctx context.Context, cfg Config) (Report, error) {
	if err := cfg.Validate(); err != nil {
		return Report{}, err
	}
	drivers := drivers(cfg)
	err := prepare(ctx, drivers)
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, cfg.Duration)
	defer cancel()
	if err == nil {
		group, ctx := errgroup.WithContext(ctx)
		for _, d := range drivers {
			group.Go(func() error { return d.run(ctx) })
		}
		err = group.Wait()
	}

	report := Report{Seconds: time.Since(started).Seconds()}
	for _, d := range drivers {
		report.Fronts = append(report.Fronts, d.tally)
		err = errors.Join(err, d.client.close())
	}
	return report, err
}

// drivers are those of the front ends that have an address. Their waves follow
// each other.
func drivers(cfg Config) []*driver {
	var list []*driver
	for _, one := range []struct {
		addr, kind string
		connect    func(addr string, workers int) client
	}{
		{cfg.RedisAddr, RedisKind, newRedisClient},
		{cfg.HTTPAddr, RawKVKind, newRawKVClient},
		{cfg.DynamoDBAddr, DynamoDBKind, newDynamoDBClient},
		{cfg.S3Addr, S3Kind, newS3Client},
		{cfg.SQSAddr, SQSKind, newSQSClient},
	} {
		if one.addr != "" {
			list = append(list, &driver{cfg: cfg, client: one.connect(one.addr, cfg.Workers), kind: one.kind})
		}
	}
	for i, d := range list {
		d.phase = 2 * math.Pi * float64(i) / float64(len(list))
	}
	return list
}

func prepare(ctx context.Context, drivers []*driver) error {
	ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	for _, d := range drivers {
		if err := d.client.prepare(ctx); err != nil {
			return fmt.Errorf("%s client: %w", d.client.label(), err)
		}
	}
	return nil
}

// driver runs the workers of one front end.
type driver struct {
	cfg    Config
	client client
	kind   string
	phase  float64 // of the wave, in radians

	claimed atomic.Uint64
	mu      sync.Mutex
	tally   Tally
}

func (d *driver) run(ctx context.Context) error {
	d.tally.Label = d.client.label()
	limiter := rate.NewLimiter(rate.Inf, d.cfg.Workers)
	ctx, cancel := context.WithCancel(ctx)
	var pacing sync.WaitGroup
	if d.cfg.Rate > 0 {
		limiter.SetLimit(d.limitAt(0))
		pacing.Add(1)
		go func() {
			defer pacing.Done()
			d.pace(ctx, limiter)
		}()
	}
	group, workersCtx := errgroup.WithContext(ctx)
	for i := range d.cfg.Workers {
		group.Go(func() error { return d.work(workersCtx, limiter, uint64(i)) })
	}
	err := group.Wait()
	cancel()
	pacing.Wait()
	return err
}

// pace lets the rate rise and fall, so that the heatmap has something to show.
func (d *driver) pace(ctx context.Context, limiter *rate.Limiter) {
	started := time.Now()
	ticker := time.NewTicker(waveTick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			limiter.SetLimit(d.limitAt(time.Since(started)))
		}
	}
}

func (d *driver) limitAt(elapsed time.Duration) rate.Limit {
	const depth = 0.8 // the rate swings by this part of its average
	swing := 0.0
	if d.cfg.Wave > 0 {
		swing = depth * math.Sin(2*math.Pi*elapsed.Seconds()/d.cfg.Wave.Seconds()+d.phase)
	}
	return rate.Limit(d.cfg.Rate * (1 + swing))
}

func (d *driver) work(ctx context.Context, limiter *rate.Limiter, worker uint64) error {
	w := newWorkload(d.cfg, d.kind, worker)
	var tally Tally
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.tally.add(tally)
	}()
	for {
		// The limiter only fails because the run is over, or would be before the
		// next request is due.
		if limiter.Wait(ctx) != nil || ctx.Err() != nil {
			return nil
		}
		if d.cfg.MaxRequests > 0 && d.claimed.Add(1) > d.cfg.MaxRequests {
			return nil
		}
		if err := d.send(ctx, w, &tally); err != nil {
			return fmt.Errorf("%s client: %w", d.client.label(), err)
		}
	}
}

// send outlives the run: a request that is cut short may or may not have been
// counted by the server.
func (d *driver) send(ctx context.Context, w *workload, tally *Tally) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	tally.Requests++
	err := d.client.request(ctx, w, tally)
	if err != nil {
		tally.Errors++
	}
	return err
}
