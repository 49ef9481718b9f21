package httpfront_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/httpfront"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/nodetest"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

func request(t *testing.T, method, url string, body io.Reader) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(data)
}

func TestEachRequestOfARealClientCountsOnce(t *testing.T) {
	addrs, stop := nodetest.Start(t)
	base := "http://" + addrs.HTTP
	kv := base + httpfront.Prefix
	for _, step := range []struct {
		method, key, body string
		status            int
		answer            string
	}{
		{"GET", "abc", "", 404, "no such key\n"},    // read 3+0
		{"PUT", "abc", "12345", 204, ""},            // write 3+5
		{"GET", "abc", "", 200, "12345"},            // read 3+5
		{"HEAD", "abc", "", 200, ""},                // read 3+0: no value returned
		{"PUT", "abc", "", 204, ""},                 // write 3+0
		{"GET", "abc", "", 200, ""},                 // read 3+0
		{"DELETE", "abc", "", 204, ""},              // write 3+0
		{"DELETE", "abc", "", 404, "no such key\n"}, // write 3+0
	} {
		status, answer := request(t, step.method, kv+step.key, strings.NewReader(step.body))
		if status != step.status || answer != step.answer {
			t.Errorf("%s %s: %d %q; want %d %q", step.method, step.key, status, answer, step.status, step.answer)
		}
	}
	nodetest.Expect(t, stop(), keyviz.LabelRawKV, traffic.Counters{
		Reads: 4, ReadBytes: 3 + 8 + 3 + 3,
		Writes: 4, WriteBytes: 8 + 3 + 3 + 3,
	})
}

func TestAnyBytesMakeAKey(t *testing.T) {
	addrs, stop := nodetest.Start(t)
	base := "http://" + addrs.HTTP
	keys := []string{"a/b", "a//b", "a/../b", "..", "/", "a%2Fb", "a b?c=d&e#f", "\x00\xff", "höhe"}
	var want traffic.Counters
	for _, key := range keys {
		target := base + httpfront.Prefix + url.PathEscape(key)
		if status, _ := request(t, http.MethodPut, target, strings.NewReader("v:"+key)); status != http.StatusNoContent {
			t.Errorf("PUT %q: %d", key, status)
		}
		want.AddWrite(len(key), 2+len(key))
	}
	for _, key := range keys {
		target := base + httpfront.Prefix + url.PathEscape(key)
		if _, answer := request(t, http.MethodGet, target, nil); answer != "v:"+key {
			t.Errorf("GET %q = %q", key, answer)
		}
		want.AddRead(len(key), 2+len(key))
	}
	nodetest.Expect(t, stop(), keyviz.LabelRawKV, want)
}

func TestRefusedRequestsCountNothing(t *testing.T) {
	addrs, stop := nodetest.Start(t)
	base := "http://" + addrs.HTTP
	for _, c := range []struct {
		method, path string
		body         io.Reader
		status       int
	}{
		{"GET", "/", nil, http.StatusNotFound},
		{"GET", "/kv", nil, http.StatusNotFound},
		{"GET", "/kv/", nil, http.StatusBadRequest},
		{"POST", "/kv/a", nil, http.StatusMethodNotAllowed},
		{"PUT", "/kv/a", nodetest.Zeros(httpfront.MaxValueBytes + 1), http.StatusRequestEntityTooLarge},
	} {
		if status, _ := request(t, c.method, base+c.path, c.body); status != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, status, c.status)
		}
	}
	nodetest.Expect(t, stop(), keyviz.LabelRawKV, traffic.Counters{})
}
