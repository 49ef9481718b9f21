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

// Three nodes, of which one is down. They let each other in by the token that came with the request.
func Example_cluster() {
	node := func(name string, peers ...string) *httptest.Server {
		sampler := keyviz.NewMemSampler(keyviz.MemSamplerOptions{})
		sampler.RegisterRoute(1, nil, nil, 0)
		sampler.Observe(1, []byte("key"), keyviz.OpRead, 0, keyviz.LabelLegacy)
		sampler.Flush()
		handler, err := keyvizhttp.New(keyvizhttp.Options{
			Sampler: sampler,
			Node:    name,
			Peers:   peers,
			Forward: func(toPeer, came *http.Request) {
				toPeer.Header.Set("Authorization", came.Header.Get("Authorization"))
			},
		})
		if err != nil {
			panic(err)
		}
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer secret" {
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			handler.ServeHTTP(w, r)
		}))
	}
	third := node("n3")
	third.Close()
	second := node("n2")
	defer second.Close()
	first := node("n1", second.URL, third.URL)
	defer first.Close()

	request, err := http.NewRequest("GET", first.URL+"/matrix?series=reads", nil)
	if err != nil {
		panic(err)
	}
	request.Header.Set("Authorization", "Bearer secret")
	response, err := http.DefaultClient.Do(request)
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
	fmt.Println("reads:", matrix.Values(0))
	for _, node := range matrix.Fanout().Nodes {
		fmt.Println(node.OK, node.Error != "")
	}
	// Output:
	// reads: [2]
	// true false
	// true false
	// false true
}
