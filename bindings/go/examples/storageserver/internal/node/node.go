// Package node puts one storage server together: a store, a sampler, and a
// front end for each protocol.
package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
	"github.com/libkeyviz/libkeyviz/bindings/go/keyvizhttp"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/adminfront"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/httpfront"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/redisfront"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/store"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

// RouteID is the one route of a node.
const RouteID = 1

// Config says where a node listens and how it samples.
type Config struct {
	RedisAddr string // host:port, the host a loopback address; port 0 takes a free one
	HTTPAddr  string // the same, for the raw key-value front end
	AdminAddr string // the same, for the live heatmap; empty: none
	// AdminListener takes the place of AdminAddr: nodes that are to know each other
	// need their addresses before they start.
	AdminListener net.Listener `json:"-"`

	Name  string   // this node's in its cluster; needed where there are peers
	Peers []string // URLs of the other nodes' heatmaps
	// Group is the Raft group of the route; 0 gives 1. The nodes of a cluster have
	// stores of their own, so each leads a group of its own: what two nodes say of
	// the writes of one group should be the same, and would not add up.
	Group uint64

	Step           time.Duration // flush interval; ≤ 0 gives the sampler's default
	HistoryColumns int           // columns kept; ≤ 0 gives the sampler's default
	HotKeysRate    int           // of reads and writes, the keys of one in so many are sampled; ≤ 0 gives the sampler's default

	// The route's range [RouteStart, RouteEnd), by default the whole key space,
	// and the number of parts that it is cut into; ≤ 0 gives 1.
	RouteStart, RouteEnd []byte
	KeyBuckets           int
}

// front is what a protocol has to offer to be part of a node.
type front interface {
	Serve() error
	Shutdown(ctx context.Context) error
}

// Node is a running server.
type Node struct {
	sampler   *keyviz.MemSampler
	fronts    []front
	redisAddr string
	httpAddr  string
	adminAddr string

	failed      chan error
	serving     sync.WaitGroup
	stopRunners context.CancelFunc
	runners     sync.WaitGroup
}

// Start listens on both addresses and begins to serve.
func Start(cfg Config) (*Node, error) {
	redisListener, err := ListenLoopback(cfg.RedisAddr)
	if err != nil {
		return nil, fmt.Errorf("redis front end: %w", err)
	}
	httpListener, err := ListenLoopback(cfg.HTTPAddr)
	if err != nil {
		return nil, fmt.Errorf("raw key-value front end: %w", errors.Join(err, redisListener.Close()))
	}

	listeners := []net.Listener{redisListener, httpListener}
	adminListener := cfg.AdminListener
	if adminListener == nil && cfg.AdminAddr != "" {
		if adminListener, err = ListenLoopback(cfg.AdminAddr); err != nil {
			return nil, fmt.Errorf("heatmap: %w", errors.Join(err, closeAll(listeners)))
		}
	}
	if adminListener != nil {
		listeners = append(listeners, adminListener)
	}

	// Where the library can't count, the sampler is nil, and counts nothing.
	sampler, err := keyviz.NewMemSamplerWith(keyviz.MemSamplerOptions{
		Step:                cfg.Step,
		HistoryColumns:      cfg.HistoryColumns,
		KeyBucketsPerRoute:  cfg.KeyBuckets,
		KeyVizLabelsEnabled: true,
		HotKeysEnabled:      true,
		HotKeysSampleRate:   cfg.HotKeysRate,
	}, keyviz.MoreOptions{HotKeysSeries: keyviz.HotKeysBoth})
	if err != nil && keyviz.Ready() == nil {
		return nil, errors.Join(err, closeAll(listeners))
	}
	group := max(cfg.Group, 1)
	sampler.RegisterRoute(RouteID, cfg.RouteStart, cfg.RouteEnd, group)
	sampler.SetLeaderTerm(group, 1)

	values := store.New()
	n := &Node{
		sampler:   sampler,
		redisAddr: redisListener.Addr().String(),
		httpAddr:  httpListener.Addr().String(),
		fronts: []front{
			redisfront.New(redisListener, values, traffic.NewRecorder(sampler, RouteID, keyviz.LabelRedis)),
			httpfront.New(httpListener, values, traffic.NewRecorder(sampler, RouteID, keyviz.LabelRawKV)),
		},
	}
	if adminListener != nil {
		admin, err := adminfront.New(adminListener, keyvizhttp.Options{
			Sampler: sampler, Node: cfg.Name, Peers: cfg.Peers, Title: strings.TrimSpace("Traffic by adapter " + cfg.Name),
		})
		if err != nil {
			return nil, errors.Join(err, closeAll(listeners))
		}
		n.adminAddr = adminListener.Addr().String()
		n.fronts = append(n.fronts, admin)
	}
	n.failed = make(chan error, len(n.fronts))
	for _, f := range n.fronts {
		n.serving.Add(1)
		go func() {
			defer n.serving.Done()
			if err := f.Serve(); err != nil {
				n.failed <- err
			}
		}()
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.stopRunners = cancel
	n.runners.Add(2)
	go func() {
		defer n.runners.Done()
		keyviz.RunFlusher(ctx, sampler, sampler.Step())
	}()
	go func() {
		defer n.runners.Done()
		keyviz.RunHotKeysAggregator(ctx, sampler)
	}()
	return n, nil
}

// RedisAddr is the host:port of the Redis front end.
func (n *Node) RedisAddr() string { return n.redisAddr }

// HTTPAddr is the host:port of the raw key-value front end.
func (n *Node) HTTPAddr() string { return n.httpAddr }

// AdminAddr is the host:port of the live heatmap; empty if there is none.
func (n *Node) AdminAddr() string { return n.adminAddr }

// Failed delivers the error of a front end that stopped by itself.
func (n *Node) Failed() <-chan error { return n.failed }

// Shutdown stops the front ends, waits for the requests that are running, and
// flushes what was counted since the last step. Call it once. When ctx ends
// first, a request that still runs may be missing from the columns.
func (n *Node) Shutdown(ctx context.Context) error {
	errs := make([]error, len(n.fronts))
	var stopping sync.WaitGroup
	for i, f := range n.fronts {
		stopping.Add(1)
		go func() {
			defer stopping.Done()
			errs[i] = f.Shutdown(ctx)
		}()
	}
	stopping.Wait()
	n.serving.Wait()
	n.stopRunners()
	n.runners.Wait()
	n.sampler.Flush()
	return errors.Join(errs...)
}

// Columns returns the history, oldest column first. After Shutdown it holds all
// that the front ends counted, unless more columns than HistoryColumns went by.
func (n *Node) Columns() []keyviz.MatrixColumn {
	return n.sampler.Snapshot(time.Time{}, time.Time{})
}

func closeAll(listeners []net.Listener) error {
	var errs []error
	for _, l := range listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// ListenLoopback listens on host:port. It refuses every interface but loopback: the
// front ends have no authentication.
func ListenLoopback(address string) (*net.TCPListener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	if !resolved.IP.IsLoopback() {
		return nil, fmt.Errorf("%s is not a loopback address", address)
	}
	return net.ListenTCP("tcp", resolved)
}
