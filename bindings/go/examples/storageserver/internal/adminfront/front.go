// Package adminfront serves the live heatmap of a node, or of its cluster.
package adminfront

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/libkeyviz/libkeyviz/bindings/go/keyvizhttp"
)

// Path is where the page is.
const Path = "/keyviz/"

// Front serves one listener.
type Front struct {
	listener net.Listener
	server   *http.Server
}

// New prepares the front end on listener, which it owns from here on. There is
// no authentication: only loopback may reach it.
func New(listener net.Listener, options keyvizhttp.Options) (*Front, error) {
	handler, err := keyvizhttp.New(options)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(Path, handler)
	mux.Handle("GET /{$}", http.RedirectHandler(Path, http.StatusFound))
	return &Front{
		listener: listener,
		server:   &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second},
	}, nil
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
