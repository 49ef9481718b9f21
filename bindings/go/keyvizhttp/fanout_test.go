//go:build cgo

package keyvizhttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"
)

// cluster is nodes that all know each other, and themselves; node i has counted (i+1)·reads.
func cluster(t *testing.T, nodes int) (handlers []*Handler, urls []string) {
	t.Helper()
	handlers = make([]*Handler, nodes)
	for i := range nodes {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.StripPrefix("/keyviz", handlers[i]).ServeHTTP(w, r)
		}))
		t.Cleanup(server.Close)
		urls = append(urls, server.URL+"/keyviz/")
	}
	for i := range nodes {
		handlers[i] = newHandler(t, Options{Sampler: newSampler(t, i+1), Node: fmt.Sprintf("n%d", i+1), Peers: urls})
	}
	return handlers, urls
}

func TestEveryNodeShowsTheWholeCluster(t *testing.T) {
	handlers, _ := cluster(t, 3)
	for i, h := range handlers {
		answer := read(t, get(h, "/keyviz/matrix?series=reads&rows=5"))
		if want := []uint64{6, 12, 18}; len(answer.Rows) != 1 || !reflect.DeepEqual(answer.Rows[0].Values, want) {
			t.Errorf("node %d: %+v, want %v", i+1, answer.Rows, want)
		}
		if answer.Rows[0].Label != "redis" || answer.Fanout.Responded != 3 || answer.Fanout.Expected != 3 || len(answer.Fanout.Nodes) != 3 {
			t.Errorf("node %d: %+v", i+1, answer)
		}
		// One leader per group and term: three nodes that say the same of it are not three times the writes.
		if writes := read(t, get(h, "/keyviz/matrix")).Rows[0].Values; !reflect.DeepEqual(writes, []uint64{1, 1, 1}) {
			t.Errorf("node %d: writes %v", i+1, writes)
		}
	}
}

func TestARequestOfAPeerIsAnsweredByOneNode(t *testing.T) {
	var asked atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer other.Close()
	h := newHandler(t, Options{Sampler: newSampler(t, 1), Node: "n1", Peers: []string{other.URL}})
	for _, value := range []string{"n2", ""} {
		r := httptest.NewRequest("GET", "/matrix?series=reads", nil)
		r.Header.Set("x-admin-fanout-peer", value)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if answer := read(t, w); answer.Fanout != nil || answer.Node != "n1" || answer.Rows[0].Values[0] != 1 {
			t.Errorf("%+v", answer)
		}
	}
	if asked.Load() != 0 {
		t.Error("it asked its peers")
	}
}

// answering is a peer that sends this.
func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func TestEachWayThatAPeerFailsIsListedAndNoneIsFatal(t *testing.T) {
	const timeout = 300 * time.Millisecond
	const good = `{"series":"reads","column_unix_ms":[%d],"rows":[{"bucket_id":"route:1:redis","values":[1000]}]%s}`
	ms := start.Add(time.Minute).UnixMilli()
	matrix := func(more string) string { return fmt.Sprintf(good, ms, more) }
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	peers := []struct {
		handler http.HandlerFunc
		says    string // empty: it counts
	}{
		{answering(200, matrix(`,"node":"n2"`)), ""},
		{func(w http.ResponseWriter, r *http.Request) { <-ended }, "no answer within 300ms"},
		{func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, matrix("")[:20])
			w.(http.Flusher).Flush()
			<-ended
		}, "no answer within 300ms"},
		{answering(200, matrix("")[:50]), "malformed"},
		{answering(200, "<html>"), "malformed"},
		{answering(200, strings.Repeat(" ", 1<<20)+matrix("")), "too large"},
		{answering(503, `{"code":"keyviz_disabled"}`), `HTTP 503 Service Unavailable: {"code":"keyviz_disabled"}`},
		{answering(500, "x"+strings.Repeat("ä", 1000)), "HTTP 500 Internal Server Error: xää"},
		{answering(404, "\xff\x00\x1b[31m"), "HTTP 404 Not Found: \uFFFD  [31m"},
		{nil, "refused"},
		{func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://127.0.0.1:1/", 302) }, "HTTP 302"},
		{answering(200, matrix(`,"node":"n2"`)), "it says that it is n2, which is in already"},
		{answering(200, strings.Replace(matrix(""), "reads", "writes", 1)), "counts writes"},
		{answering(200, matrix(`,"fanout":{"nodes":[],"responded":0,"expected":0}`)), "asked its own peers"},
		{func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		{answering(200, matrix(`,"node":"n1"`)), "itself"},
		{answering(200, matrix("")), ""},
	}
	options := Options{Sampler: newSampler(t, 1), Node: "n1", PeerTimeout: timeout, MaxPeerBytes: 1 << 20}
	for _, peer := range peers {
		url := "http://" + refusing.Addr().String()
		if peer.handler != nil {
			server := httptest.NewUnstartedServer(peer.handler)
			server.Config.ErrorLog = nil
			server.Start()
			t.Cleanup(server.Close)
			url = server.URL
		}
		options.Peers = append(options.Peers, url)
	}
	t.Cleanup(func() { close(ended) }) // before the servers close
	refusing.Close()                   // no server has its port now

	began := time.Now()
	answer := read(t, get(newHandler(t, options), "/matrix?series=reads"))
	if took := time.Since(began); took > (patience+2)*timeout {
		t.Errorf("it took %v", took)
	}
	if want := []uint64{2001, 2, 3}; !reflect.DeepEqual(answer.Rows[0].Values, want) {
		t.Errorf("values %v, want %v", answer.Rows[0].Values, want)
	}
	nodes := answer.Fanout.Nodes[1:]
	if first := answer.Fanout.Nodes[0]; first.Node != "n1" || !first.OK {
		t.Errorf("this node is told of as %+v", first)
	}
	for i, peer := range peers {
		if peer.says == "itself" {
			continue // It is this node, and not told of again.
		}
		node := nodes[0]
		nodes = nodes[1:]
		name := strings.TrimPrefix(options.Peers[i], "http://")
		if node.Node != name && node.Node != "n2" {
			t.Errorf("peer %d is called %q, want %q", i, node.Node, name)
		}
		if node.OK != (peer.says == "") || !strings.Contains(node.Error, peer.says) || strings.Contains(node.Error, options.Peers[i]) {
			t.Errorf("peer %d: %+v, want %q", i, node, peer.says)
		}
		if len(node.Error) > maxErrorBytes || !utf8.ValidString(node.Error) {
			t.Errorf("peer %d: an error of %d bytes", i, len(node.Error))
		}
	}
	if len(nodes) != 0 || answer.Fanout.Responded != 3 || answer.Fanout.Expected != len(peers) {
		t.Errorf("%d of %d, %v", answer.Fanout.Responded, answer.Fanout.Expected, nodes)
	}
}

func TestPeersGetWhatTheHostForwardsAndNothingElse(t *testing.T) {
	var seen http.Header
	var query string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen, query = r.Header, r.URL.RequestURI()
		answering(200, `{"column_unix_ms":[],"rows":[],"series":"reads"}`)(w, r)
	}))
	defer other.Close()
	options := Options{Sampler: newSampler(t, 1), Node: "n1", Peers: []string{other.URL + "/keyviz"}}
	ask := func() {
		r := httptest.NewRequest("GET", "/matrix?series=reads&rows=3&from_unix_ms=5&secret=1", nil)
		r.Header.Set("Authorization", "Bearer token")
		r.Header.Set("Cookie", "session=1")
		newHandler(t, options).ServeHTTP(httptest.NewRecorder(), r)
	}
	ask()
	if seen.Get("Authorization") != "" || seen.Get("Cookie") != "" || seen.Get("X-Admin-Fanout-Peer") != "n1" {
		t.Errorf("by default it sends %v", seen)
	}
	if query != "/keyviz/matrix?from_unix_ms=5&rows=1024&series=reads" {
		t.Errorf("it asks %s", query)
	}
	options.Forward = func(to, came *http.Request) { to.Header.Set("Authorization", came.Header.Get("Authorization")) }
	ask()
	if seen.Get("Authorization") != "Bearer token" || seen.Get("Cookie") != "" {
		t.Errorf("told to, it sends %v", seen)
	}
}

func TestManyPeersAreReadAWindowAtATimeAndMergedInOrder(t *testing.T) {
	const peers = 3*window + 1
	handlers, _ := cluster(t, peers)
	var first []byte
	for range 5 {
		w := get(handlers[0], "/matrix?series=reads")
		answer := read(t, w)
		if want := uint64(peers * (peers + 1) / 2); answer.Rows[0].Values[0] != want || answer.Fanout.Responded != peers {
			t.Fatalf("%v, %d nodes", answer.Rows[0].Values, answer.Fanout.Responded)
		}
		nodes := w.Body.Bytes()[bytes.Index(w.Body.Bytes(), []byte(`"fanout"`)):]
		if first == nil {
			first = nodes
		}
		if !bytes.Equal(nodes, first) {
			t.Errorf("nodes %s, and before %s", nodes, first)
		}
	}
}

// slowBody tells how many of its kind are being read.
type slowBody struct {
	strings.Reader
	reading, most *atomic.Int64
	begun         bool
}

func (b *slowBody) Read(p []byte) (int, error) {
	if !b.begun {
		b.begun = true
		now := b.reading.Add(1)
		for most := b.most.Load(); now > most && !b.most.CompareAndSwap(most, now); most = b.most.Load() {
		}
		time.Sleep(80 * time.Millisecond)
	}
	return b.Reader.Read(p)
}

func (b *slowBody) Close() error {
	b.reading.Add(-1)
	return nil
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestFewAnswersAreInMemoryAtATime(t *testing.T) {
	var reading, most atomic.Int64
	options := Options{Sampler: newSampler(t, 1), Node: "n0", PeerTimeout: 400 * time.Millisecond}
	options.Client = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		body := &slowBody{reading: &reading, most: &most}
		body.Reset(`{"series":"writes","column_unix_ms":[],"rows":[]}`)
		return &http.Response{StatusCode: 200, Body: body, Request: r}, nil
	})}
	// They are so many that they would be late, if waiting for each other counted.
	for i := range 8 * window {
		options.Peers = append(options.Peers, fmt.Sprintf("http://n%d/", i+1))
	}
	answer := read(t, get(newHandler(t, options), "/matrix"))
	if answer.Fanout.Responded != len(options.Peers)+1 {
		t.Errorf("%d of %d: %+v", answer.Fanout.Responded, answer.Fanout.Expected, answer.Fanout.Nodes)
	}
	if most := most.Load(); most > window || most < 2 {
		t.Errorf("%d answers were read at a time", most)
	}
}

func TestPeersThatAllHangTakeBoundedTime(t *testing.T) {
	ended := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		select {
		case <-ended:
		case <-r.Context().Done():
		}
	}))
	defer hanging.Close()
	defer close(ended)
	options := Options{Sampler: newSampler(t, 1), Node: "n1", PeerTimeout: 300 * time.Millisecond}
	for i := range 8 * window {
		options.Peers = append(options.Peers, fmt.Sprintf("%s/%d", hanging.URL, i))
	}
	h := newHandler(t, options)
	goroutines := runtime.NumGoroutine()
	began := time.Now()
	answer := read(t, get(h, "/matrix"))
	if took := time.Since(began); took > (patience+6)*options.PeerTimeout {
		t.Errorf("it took %v", took)
	}
	if len(answer.Fanout.Nodes) != len(options.Peers)+1 || answer.Fanout.Responded != 1 {
		t.Errorf("%d nodes, %d responded", len(answer.Fanout.Nodes), answer.Fanout.Responded)
	}
	for i, says := range map[int]string{1: "no answer within", window + 1: "no answer within", 8 * window: "took all the time"} {
		if node := answer.Fanout.Nodes[i]; !strings.Contains(node.Error, says) {
			t.Errorf("peer %d: %+v, want %q", i, node, says)
		}
	}

	// Nobody waits for a client that went away.
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(20*time.Millisecond, func() { cancel(errors.New("gone")) })
	w := httptest.NewRecorder()
	began = time.Now()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/matrix", nil))
	if took := time.Since(began); took > 290*time.Millisecond || w.Body.Len() != 0 {
		t.Errorf("after %v: %s", took, w.Body)
	}
	h.client.CloseIdleConnections()
	for range 100 {
		if runtime.NumGoroutine() <= goroutines+2 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, then %d", goroutines, runtime.NumGoroutine())
}
