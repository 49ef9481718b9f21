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
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/dynamofront"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/httpfront"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/redisfront"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/s3front"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/sqsfront"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/store"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

// RouteID is the one route of a node.
const RouteID = 1

// Config says where a node listens and how it samples.
type Config struct {
	// Where the front ends listen: host:port, the host a loopback address. Port 0
	// takes a free one, and an empty address is a front end less. "fd:3" is a
	// listener that the process was started with, as that file descriptor.
	RedisAddr    string
	HTTPAddr     string // raw key-value
	DynamoDBAddr string
	S3Addr       string
	SQSAddr      string
	AdminAddr    string // live heatmap

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
	sampler *keyviz.MemSampler
	fronts  []front
	addrs   Addrs

	failed      chan error
	serving     sync.WaitGroup
	stopRunners context.CancelFunc
	runners     sync.WaitGroup
}

// Addrs are the addresses that a node listens on, host:port each; empty where a
// front end isn't there.
type Addrs struct {
	Redis    string `json:"redis,omitempty"`
	HTTP     string `json:"http,omitempty"`
	DynamoDB string `json:"dynamodb,omitempty"`
	S3       string `json:"s3,omitempty"`
	SQS      string `json:"sqs,omitempty"`
	Admin    string `json:"admin,omitempty"`
}

// Start listens on all addresses and begins to serve.
func Start(cfg Config) (_ *Node, err error) {
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
		return nil, err
	}
	group := max(cfg.Group, 1)
	sampler.RegisterRoute(RouteID, cfg.RouteStart, cfg.RouteEnd, group)
	sampler.SetLeaderTerm(group, 1)

	n := &Node{sampler: sampler}
	var listeners []net.Listener
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll(listeners))
			sampler.Close()
		}
	}()
	for _, one := range n.frontEnds(cfg) {
		if one.addr == "" {
			continue
		}
		listener, err := Listen(one.addr)
		if err != nil {
			return nil, fmt.Errorf("%s front end: %w", one.name, err)
		}
		listeners = append(listeners, listener)
		f, err := one.open(listener)
		if err != nil {
			return nil, fmt.Errorf("%s front end: %w", one.name, err)
		}
		n.fronts = append(n.fronts, f)
		*one.listening = listener.Addr().String()
	}
	n.serve()
	return n, nil
}

// frontEnd is one protocol of a node.
type frontEnd struct {
	name      string
	addr      string  // asked for; empty: none
	listening *string // where its address goes
	open      func(net.Listener) (front, error)
}

// frontEnds puts the protocols together: each has its label, and what it stores
// is in a space of the one store; Redis and raw key-value have the same.
func (n *Node) frontEnds(cfg Config) []frontEnd {
	values := store.New()
	pairs := values.Space("pairs")
	recorder := func(label keyviz.Label) traffic.Recorder { return traffic.NewRecorder(n.sampler, RouteID, label) }
	return []frontEnd{
		{"redis", cfg.RedisAddr, &n.addrs.Redis, func(l net.Listener) (front, error) {
			return redisfront.New(l, pairs, recorder(keyviz.LabelRedis)), nil
		}},
		{"raw key-value", cfg.HTTPAddr, &n.addrs.HTTP, func(l net.Listener) (front, error) {
			return httpfront.New(l, pairs, recorder(keyviz.LabelRawKV)), nil
		}},
		{"dynamodb", cfg.DynamoDBAddr, &n.addrs.DynamoDB, func(l net.Listener) (front, error) {
			return dynamofront.New(l, values.Space("tables"), recorder(keyviz.LabelDynamo)), nil
		}},
		{"s3", cfg.S3Addr, &n.addrs.S3, func(l net.Listener) (front, error) {
			return s3front.New(l, values.Space("buckets"), recorder(keyviz.LabelS3)), nil
		}},
		{"sqs", cfg.SQSAddr, &n.addrs.SQS, func(l net.Listener) (front, error) {
			return sqsfront.New(l, values.Space("queues"), recorder(keyviz.LabelSQS)), nil
		}},
		{"heatmap", cfg.AdminAddr, &n.addrs.Admin, func(l net.Listener) (front, error) {
			return adminfront.New(l, keyvizhttp.Options{
				Sampler: n.sampler, Node: cfg.Name, Peers: cfg.Peers, Title: strings.TrimSpace("Traffic by adapter " + cfg.Name),
			})
		}},
	}
}

// serve runs the front ends, the flusher and the aggregator of the hot keys.
func (n *Node) serve() {
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
		keyviz.RunFlusher(ctx, n.sampler, n.sampler.Step())
	}()
	go func() {
		defer n.runners.Done()
		keyviz.RunHotKeysAggregator(ctx, n.sampler)
	}()
}

// Addrs says where the front ends listen.
func (n *Node) Addrs() Addrs { return n.addrs }

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
