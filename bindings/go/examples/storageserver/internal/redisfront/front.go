// Package redisfront is the Redis front end: the commands a cache needs, over
// RESP. It has no HELLO, CLIENT, transactions or expiry; clients that probe for
// them get Redis's answer to an unknown command and carry on with RESP 2.
package redisfront

import (
	"context"
	"net"
	"sync"

	"github.com/tidwall/redcon"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/store"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

// Front serves one listener.
type Front struct {
	listener net.Listener
	server   *redcon.Server
	served   chan struct{}
	conns    sync.WaitGroup
}

// New prepares a front end on listener, which it owns from here on.
func New(listener net.Listener, s *store.Space, recorder traffic.Recorder) *Front {
	f := &Front{listener: listener, served: make(chan struct{})}
	d := &dispatcher{store: s, recorder: recorder}
	f.server = redcon.NewServer(listener.Addr().String(), d.dispatch,
		func(redcon.Conn) bool { f.conns.Add(1); return true },
		func(redcon.Conn, error) { f.conns.Done() })
	return f
}

// Serve answers clients until Shutdown. Call it once.
func (f *Front) Serve() error {
	defer close(f.served)
	return f.server.Serve(f.listener)
}

// Shutdown stops listening, closes the connections and waits until the last
// command that was running has been counted, or ctx is done. Serve must have
// been called.
func (f *Front) Shutdown(ctx context.Context) error {
	err := f.listener.Close()
	idle := make(chan struct{})
	go func() {
		<-f.served
		f.conns.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
