// Package s3front is the S3 front end: buckets, and objects to put, get, head,
// delete and list, with the bucket in the path. It checks no signature. What it
// doesn't have (multipart uploads, versions, copies and the like) is refused.
package s3front

import (
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/httpserver"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/store"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

const (
	// MaxObjectBytes is the longest object, in bytes.
	MaxObjectBytes = 16 << 20
	maxKeyBytes    = 1024
)

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// New prepares a front end on listener, which it owns from here on.
func New(listener net.Listener, s *store.Space, recorder traffic.Recorder) *httpserver.Front {
	return httpserver.New(listener, &handler{store: s, recorder: recorder})
}

// handler counts one access for each request that reaches an object, under the
// bucket's name, a slash and the key. A refused request counts nothing, and
// neither do those on buckets.
type handler struct {
	store    *store.Space
	recorder traffic.Recorder
}

// ServeHTTP dispatches by path, method and query, in this order.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	identify(w)
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	var err error
	switch {
	case bucket == "":
		err = unsupported("requests without a bucket in their path")
	case !bucketName.MatchString(bucket):
		err = errBucketName
	case key == "":
		err = h.serveBucket(w, r, bucket)
	case len(key) > maxKeyBytes:
		err = errKeyTooLong
	case !utf8.ValidString(key):
		err = errInvalidURI
	case !h.exists(bucket):
		err = errNoSuchBucket
	default:
		err = h.serveObject(w, r, storeKey(bucket, key))
	}
	if err != nil {
		refuse(w, r, err)
	}
}

func (h *handler) serveBucket(w http.ResponseWriter, r *http.Request, bucket string) error {
	query := r.URL.Query()
	if r.Method == http.MethodPut {
		if err := onlyKnown(query); err != nil {
			return err
		}
		// The marker is stored where an object with an empty key would be.
		if !h.store.Add(store.Pair{Key: storeKey(bucket, "")}) {
			return errBucketOwned
		}
		w.Header().Set("Location", "/"+bucket)
		return nil
	}
	switch {
	case !h.exists(bucket):
		return errNoSuchBucket
	case r.Method == http.MethodGet:
		return h.list(w, r, bucket, query)
	case r.Method == http.MethodHead:
		return onlyKnown(query)
	default:
		return errMethod
	}
}

func (h *handler) serveObject(w http.ResponseWriter, r *http.Request, key []byte) error {
	if err := onlyKnown(r.URL.Query()); err != nil {
		return err
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return h.get(w, r, key)
	case http.MethodPut:
		return h.put(w, r, key)
	case http.MethodDelete:
		h.recorder.Write(key, 0)
		h.store.Delete(key)
		w.WriteHeader(http.StatusNoContent)
		return nil
	default:
		return errMethod
	}
}

// onlyKnown refuses parameters that ask for something else than the object or
// bucket itself. Those of a signature are let through.
func onlyKnown(query url.Values, known ...string) error {
	allowed := map[string]bool{"x-id": true}
	for _, name := range known {
		allowed[name] = true
	}
	for name := range query {
		if !allowed[name] && !strings.HasPrefix(name, "X-Amz-") {
			return unsupported("the parameter " + name)
		}
	}
	return nil
}

func (h *handler) exists(bucket string) bool {
	_, ok := h.store.Get(storeKey(bucket, ""))
	return ok
}

func storeKey(bucket, key string) []byte {
	return []byte(bucket + "/" + key)
}
