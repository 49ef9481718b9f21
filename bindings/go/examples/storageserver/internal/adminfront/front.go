// Package adminfront serves the live heatmap of a node, or of its cluster.
package adminfront

import (
	"net"
	"net/http"

	"github.com/libkeyviz/libkeyviz/bindings/go/keyvizhttp"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/httpserver"
)

// Path is where the page is.
const Path = "/keyviz/"

// New prepares the front end on listener, which it owns from here on. There is
// no authentication: only loopback may reach it.
func New(listener net.Listener, options keyvizhttp.Options) (*httpserver.Front, error) {
	handler, err := keyvizhttp.New(options)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(Path, handler)
	mux.Handle("GET /{$}", http.RedirectHandler(Path, http.StatusFound))
	return httpserver.New(listener, mux), nil
}
