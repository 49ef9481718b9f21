//go:build cgo

package keyvizhttp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

var start = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)

// newSampler has three columns, a minute apart, with n, 2n and 3n reads and one write of route 1 in each.
func newSampler(t *testing.T, n int) *keyviz.MemSampler {
	t.Helper()
	if err := keyviz.Ready(); err != nil {
		t.Fatal(err)
	}
	now := start
	s := keyviz.NewMemSampler(keyviz.MemSamplerOptions{KeyVizLabelsEnabled: true, Now: func() time.Time { return now }})
	t.Cleanup(s.Close)
	s.RegisterRoute(1, nil, []byte("m"), 1)
	s.SetLeaderTerm(1, 5)
	for column := range 3 {
		for range n * (column + 1) {
			s.Observe(1, []byte("key"), keyviz.OpRead, 7, keyviz.LabelRedis)
		}
		s.Observe(1, []byte("key"), keyviz.OpWrite, 7, keyviz.LabelRedis)
		now = now.Add(time.Minute)
		s.Flush()
	}
	return s
}

func newHandler(t *testing.T, options Options) *Handler {
	t.Helper()
	h, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(h http.Handler, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w
}

// told is what the tests look at in an answer.
type told struct {
	Code    string
	Message string
	Series  string
	Node    string
	Columns []int64 `json:"column_unix_ms"`
	Rows    []struct {
		ID     string `json:"bucket_id"`
		Label  string
		Values []uint64
	}
	Fanout *struct {
		Nodes []struct {
			Node  string
			OK    bool
			Error string
		}
		Responded, Expected int
	}
}

func read(t *testing.T, w *httptest.ResponseRecorder) (answer told) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store", "Content-Length": fmt.Sprint(w.Body.Len()),
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	return answer
}

func TestTheMatrixIsWhatWasAskedFor(t *testing.T) {
	h := newHandler(t, Options{Sampler: newSampler(t, 10), Node: "n1"})
	ms := func(minutes int) int64 { return start.Add(time.Duration(minutes) * time.Minute).UnixMilli() }
	for _, c := range []struct {
		query   string
		series  string
		columns []int64
		values  []uint64
	}{
		{"", "writes", []int64{ms(1), ms(2), ms(3)}, []uint64{1, 1, 1}},
		{"?series=&from_unix_ms=&to_unix_ms=&rows=&unknown=1", "writes", []int64{ms(1), ms(2), ms(3)}, []uint64{1, 1, 1}},
		{"?series=reads&rows=1", "reads", []int64{ms(1), ms(2), ms(3)}, []uint64{10, 20, 30}},
		{"?series=read_bytes&rows=100000", "read_bytes", []int64{ms(1), ms(2), ms(3)}, []uint64{100, 200, 300}},
		{fmt.Sprintf("?series=reads&from_unix_ms=%d", ms(2)), "reads", []int64{ms(2), ms(3)}, []uint64{20, 30}},
		{fmt.Sprintf("?series=reads&from_unix_ms=%d&to_unix_ms=%d", ms(1)+1, ms(3)), "reads", []int64{ms(2)}, []uint64{20}},
		{"?from_unix_ms=-9223372036854775808&to_unix_ms=1", "writes", []int64{}, nil},
		{"?from_unix_ms=0&to_unix_ms=0", "writes", []int64{ms(1), ms(2), ms(3)}, []uint64{1, 1, 1}},
		{fmt.Sprintf("?from_unix_ms=%d&to_unix_ms=0", ms(3)), "writes", []int64{ms(3)}, []uint64{1}},
	} {
		answer := read(t, get(h, "/any/where/matrix"+c.query))
		if answer.Series != c.series || answer.Node != "n1" || answer.Fanout != nil || !reflect.DeepEqual(answer.Columns, c.columns) {
			t.Errorf("%s: %+v", c.query, answer)
		}
		if c.values != nil && (answer.Rows[0].ID != "route:1:redis" || !reflect.DeepEqual(answer.Rows[0].Values, c.values)) {
			t.Errorf("%s: %+v", c.query, answer.Rows)
		}
	}
}

func TestErrorsAreEnvelopes(t *testing.T) {
	on, off := newHandler(t, Options{Sampler: newSampler(t, 1)}), newHandler(t, Options{})
	closed := newSampler(t, 1)
	closed.Close()
	stopped := newHandler(t, Options{Sampler: closed})
	for _, c := range []struct {
		h              *Handler
		method, target string
		status         int
		code           string
	}{
		{on, "POST", "/keyviz/matrix", 405, "method_not_allowed"},
		{on, "HEAD", "/keyviz/", 405, "method_not_allowed"},
		{on, "GET", "/keyviz/other", 404, "not_found"},
		{on, "GET", "/keyviz/matrix/x", 404, "not_found"},
		{off, "GET", "/keyviz/", 503, "keyviz_disabled"},
		{off, "GET", "/keyviz/matrix", 503, "keyviz_disabled"},
		{stopped, "GET", "/keyviz/matrix", 503, "keyviz_disabled"},
		{on, "GET", "/keyviz/matrix?series=Writes", 400, "invalid_query"},
		{on, "GET", "/keyviz/matrix?from_unix_ms=now", 400, "invalid_query"},
		{on, "GET", "/keyviz/matrix?to_unix_ms=9223372036854775808", 400, "invalid_query"},
		{on, "GET", "/keyviz/matrix?from_unix_ms=2&to_unix_ms=1", 400, "invalid_query"},
		{on, "GET", "/keyviz/matrix?rows=-1", 400, "invalid_query"},
		{on, "GET", "/keyviz/matrix?rows=1e3", 400, "invalid_query"},
		{on, "GET", "/keyviz/matrix?series=%zz", 400, "invalid_query"},
		{on, "GET", "/keyviz/hotkeys?route_id=1&label=%zz", 400, "invalid_query"},
	} {
		w := httptest.NewRecorder()
		c.h.ServeHTTP(w, httptest.NewRequest(c.method, c.target, nil))
		if answer := read(t, w); w.Code != c.status || answer.Code != c.code || answer.Message == "" {
			t.Errorf("%s %s: %d %+v", c.method, c.target, w.Code, answer)
		}
		if allow := w.Header().Get("Allow"); (c.status == 405) != (allow == "GET") {
			t.Errorf("%s %s: Allow %q", c.method, c.target, allow)
		}
	}
}

func TestThePageIsServedUnderItsPolicy(t *testing.T) {
	h := newHandler(t, Options{Sampler: newSampler(t, 1), Title: "The <Title>"})
	for _, prefix := range []string{"", "/keyviz"} {
		server := httptest.NewServer(http.StripPrefix(prefix, h))
		defer server.Close()
		w := get(http.StripPrefix(prefix, h), prefix+"/")
		page := w.Body.String()
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || !strings.HasPrefix(page, "<!doctype html>") {
			t.Fatalf("%d %v", w.Code, w.Header())
		}
		if w.Header().Get("Content-Security-Policy") != keyviz.LivePagePolicy() || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", w.Header())
		}
		if strings.Contains(page, "<Title>") || !strings.Contains(page, `"matrix_url":"matrix"`) {
			t.Error("the title is markup, or the page doesn't know where the matrix is")
		}
	}
}

func TestPeersThatCanNotBeAreRefused(t *testing.T) {
	for _, peers := range [][]string{{""}, {"n2:8080"}, {"ftp://n2/"}, {"http:///keyviz/"}, {"http://n2/?x=1"}, {"http://n2/%zz"}} {
		if _, err := New(Options{Node: "n1", Peers: peers}); err == nil {
			t.Errorf("%q: no error", peers)
		}
	}
	if _, err := New(Options{Peers: []string{"http://n2/"}}); err == nil {
		t.Error("peers of a node without a name: no error")
	}
	if _, err := New(Options{Node: "n1", Peers: []string{"http://user:secret@n2/?q"}}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error %v", err)
	}
}
