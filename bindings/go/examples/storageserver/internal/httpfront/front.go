// Package httpfront is the raw key-value front end: GET, HEAD, PUT and DELETE
// on /kv/{key} over HTTP.
package httpfront

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/httpserver"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/store"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

// Prefix is the path in front of a key.
const Prefix = "/kv/"

// MaxValueBytes is the longest value that PUT takes, in bytes.
const MaxValueBytes = 16 << 20

// New prepares a front end on listener, which it owns from here on.
func New(listener net.Listener, s *store.Space, recorder traffic.Recorder) *httpserver.Front {
	return httpserver.New(listener, &handler{store: s, recorder: recorder})
}

// handler is no http.ServeMux, because that cleans paths: "a//b" and "a/../b"
// are keys like any other here.
type handler struct {
	store    *store.Space
	recorder traffic.Recorder
}

// ServeHTTP counts one access for each request that reaches a key. A request
// that is refused (no key, another method, too long a value) counts nothing.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	escaped, ok := strings.CutPrefix(r.URL.EscapedPath(), Prefix)
	if !ok {
		http.NotFound(w, r)
		return
	}
	unescaped, err := url.PathUnescape(escaped)
	if err != nil || unescaped == "" {
		http.Error(w, "the path after "+Prefix+" must be a percent-encoded key", http.StatusBadRequest)
		return
	}
	key := []byte(unescaped)
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		h.get(w, r, key)
	case http.MethodPut:
		h.put(w, r, key)
	case http.MethodDelete:
		h.delete(w, key)
	default:
		w.Header().Set("Allow", "GET, HEAD, PUT, DELETE")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	}
}

func (h *handler) get(w http.ResponseWriter, r *http.Request, key []byte) {
	value, ok := h.store.Get(key)
	returned := len(value)
	if r.Method == http.MethodHead {
		returned = 0
	}
	h.recorder.Read(key, returned)
	if !ok {
		http.Error(w, "no such key", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(value)))
	// A client that goes away while it is answered is not this server's error.
	_, _ = w.Write(value)
}

func (h *handler) put(w http.ResponseWriter, r *http.Request, key []byte) {
	value, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxValueBytes))
	if err != nil {
		var tooLong *http.MaxBytesError
		if errors.As(err, &tooLong) {
			http.Error(w, "value too long", http.StatusRequestEntityTooLarge)
			return
		}
		http.Error(w, "the body could not be read", http.StatusBadRequest)
		return
	}
	h.recorder.Write(key, len(value))
	h.store.Set(store.Pair{Key: key, Value: value})
	w.WriteHeader(http.StatusNoContent)
}

func (h *handler) delete(w http.ResponseWriter, key []byte) {
	h.recorder.Write(key, 0)
	if h.store.Delete(key) == 0 {
		http.Error(w, "no such key", http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
