package cluster

import (
	"context"
	"errors"
	"fmt"
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
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	reports := make([]loadgen.Report, len(c.Members))
	ended := make(chan struct{})
	for i, m := range c.Members {
		own := cfg
		own.RedisAddr, own.HTTPAddr = m.Ready.Redis, m.Ready.HTTP
		own.Seed += uint64(i)
		own.Wave += time.Duration(i) * cfg.Wave / time.Duration(2*len(c.Members))
		go func() {
			defer func() { ended <- struct{}{} }()
			var err error
			reports[i], err = loadgen.Run(running, own)
			if err == nil {
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
		return reports, errors.New("no node is left")
	}
	if ctx.Err() == nil {
		return reports, context.Cause(running)
	}
	return reports, nil
}
