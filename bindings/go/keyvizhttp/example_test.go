//go:build cgo

package keyvizhttp_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
	"github.com/libkeyviz/libkeyviz/bindings/go/keyvizhttp"
)

func Example() {
	sampler := keyviz.NewMemSampler(keyviz.MemSamplerOptions{})
	sampler.RegisterRoute(1, nil, nil, 0)
	sampler.Observe(1, []byte("key"), keyviz.OpRead, 0, keyviz.LabelLegacy)
	sampler.Flush()

	handler, err := keyvizhttp.New(keyvizhttp.Options{
		Sampler: sampler,
		Title:   "My server",
		// Node: "n1", Peers: []string{"http://n2:8080/admin/keyviz/", "http://n3:8080/admin/keyviz/"},
	})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/admin/keyviz/", handler) // A real server: authenticated(handler).
	server := httptest.NewServer(mux)
	defer server.Close()

	response, err := http.Get(server.URL + "/admin/keyviz/matrix?series=reads")
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	matrix, err := keyviz.ParseMatrixJSON(body, keyviz.MatrixLimits{})
	if err != nil {
		panic(err)
	}
	defer matrix.Close()
	fmt.Println(response.Status, matrix.Row(0).ID, matrix.Values(0), time.Since(matrix.GeneratedAt()) < time.Minute)
	// Output: 200 OK route:1 [1] true
}
