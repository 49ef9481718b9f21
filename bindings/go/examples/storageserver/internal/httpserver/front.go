// Package httpserver is what the front ends over HTTP share: a listener, its
// timeouts and the way down.
package httpserver

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Front serves one listener.
type Front struct {
	listener net.Listener
	server   *http.Server
}

// New prepares a front end on listener, which it owns from here on.
func New(listener net.Listener, handler http.Handler) *Front {
	return &Front{
		listener: listener,
		server: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 10 * time.Second,
			ReadTimeout:       time.Minute,
			WriteTimeout:      2 * time.Minute,
			IdleTimeout:       2 * time.Minute,
		},
	}
}

// OnShutdown has f called when Shutdown begins. Requests that wait for something
// should end then.
func (f *Front) OnShutdown(do func()) {
	f.server.RegisterOnShutdown(do)
}

// Serve answers clients until Shutdown. Call it once.
func (f *Front) Serve() error {
	if err := f.server.Serve(f.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Shutdown stops listening and waits until the requests that were running have
// been answered, or ctx is done.
func (f *Front) Shutdown(ctx context.Context) error {
	return f.server.Shutdown(ctx)
}
