//go:build cgo

package keyvizhttp

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

// serve serves a handler, at two addresses.
func serve(t *testing.T, h http.Handler) (one, other string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL, strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
}

func TestANodeOfSeveralAddressesCountsOnce(t *testing.T) {
	for _, name := range []string{"n2", ""} {
		hot := newHotSampler(t, map[string]int{"a": 5})
		one, other := serve(t, newHandler(t, Options{Sampler: newSampler(t, 10), Node: name}))
		hotOne, hotOther := serve(t, newHandler(t, Options{Sampler: hot, Node: name}))

		h := newHandler(t, Options{Sampler: newSampler(t, 1), Node: "n1", Peers: []string{one, other}})
		answer := read(t, get(h, "/matrix?series=reads"))
		if want := []uint64{11, 22, 33}; !reflect.DeepEqual(answer.Rows[0].Values, want) {
			t.Errorf("%q: values %v, want %v", name, answer.Rows[0].Values, want)
		}
		second := answer.Fanout.Nodes[2]
		if answer.Fanout.Responded != 2 || second.OK || !strings.HasPrefix(second.Node, "localhost:") || !strings.Contains(second.Error, "in already") {
			t.Errorf("%q: %+v", name, answer.Fanout)
		}

		h = newHandler(t, Options{Sampler: newHotSampler(t, map[string]int{"a": 1}), Node: "n1", Peers: []string{hotOne, hotOther}})
		keys := readKeys(t, get(h, asksRedis), 200)
		if keys.String() != "a:6" || !strings.Contains(keys.Fanout.Nodes[2].Error, "in already") {
			t.Errorf("%q: %+v", name, keys)
		}
	}
}

func TestTwoNodesThatAreCalledTheSameAreTold(t *testing.T) {
	first, _ := serve(t, newHandler(t, Options{Sampler: newSampler(t, 10), Node: "n2"}))
	second, _ := serve(t, newHandler(t, Options{Sampler: newSampler(t, 100), Node: "n2"}))
	asAsks, _ := serve(t, newHandler(t, Options{Sampler: newSampler(t, 1000), Node: "n1"}))
	var h *Handler
	itself, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	h = newHandler(t, Options{Sampler: newSampler(t, 1), Node: "n1", Peers: []string{itself, first, second, asAsks}})
	for range 2 { // the second time, it knows their names
		answer := read(t, get(h, "/matrix?series=reads"))
		if answer.Rows[0].Values[0] != 11 || answer.Fanout.Expected != 4 || answer.Fanout.Responded != 2 {
			t.Errorf("%v, %+v", answer.Rows[0].Values, answer.Fanout)
		}
		for i, says := range map[int]string{2: "it says that it is n2", 3: "it says that it is n1"} {
			if node := answer.Fanout.Nodes[i]; node.OK || !strings.HasPrefix(node.Node, "127.0.0.1:") || !strings.Contains(node.Error, says) {
				t.Errorf("node %d: %+v, want %q", i, node, says)
			}
		}
	}
}

func TestAPeerThatFailsIsCalledAsItCalledItself(t *testing.T) {
	server := httptest.NewServer(newHandler(t, Options{Sampler: newHotSampler(t, nil), Node: "n2"}))
	never := httptest.NewServer(newHandler(t, Options{Sampler: newSampler(t, 1), Node: "n3"}))
	never.Close()
	h := newHandler(t, Options{Sampler: newHotSampler(t, nil), Node: "n1", Peers: []string{server.URL, never.URL}})
	if answer := read(t, get(h, "/matrix")); !answer.Fanout.Nodes[1].OK || answer.Fanout.Nodes[1].Node != "n2" {
		t.Fatalf("%+v", answer.Fanout)
	}
	server.Close()
	nodes := read(t, get(h, "/matrix")).Fanout.Nodes
	for i, name := range []string{"n1", "n2", strings.TrimPrefix(never.URL, "http://")} {
		if nodes[i].Node != name || nodes[i].OK != (i == 0) {
			t.Errorf("node %d: %+v, want %s", i, nodes[i], name)
		}
	}
	// What fails says who it is, too.
	off, _ := serve(t, newHandler(t, Options{Node: "n4"}))
	h = newHandler(t, Options{Sampler: newHotSampler(t, map[string]int{"a": 1}), Node: "n1", Peers: []string{off}})
	for target, nodes := range map[string]any{
		"/matrix": read(t, get(h, "/matrix")).Fanout.Nodes[1],
		asksRedis: readKeys(t, get(h, asksRedis), 200).Fanout.Nodes[1],
	} {
		if text := fmt.Sprintf("%+v", nodes); !strings.Contains(text, "Node:n4 ") || !strings.Contains(text, "keyviz_disabled") {
			t.Errorf("%s: %s", target, text)
		}
	}
}

func TestNamesThatCanNotStandInAHeaderAreRefused(t *testing.T) {
	for _, name := range []string{"a\nb", "a\x00", " a", "a ", "\xff", "\x7f"} {
		if _, err := New(Options{Node: name}); err == nil {
			t.Errorf("%q: no error", name)
		}
	}
	peer, _ := serve(t, newHandler(t, Options{Sampler: newSampler(t, 1), Node: "Knoten 2, Zürich"}))
	h := newHandler(t, Options{Sampler: newSampler(t, 1), Node: "узел 1", Peers: []string{peer, peer}})
	if nodes := read(t, get(h, "/matrix")).Fanout.Nodes; nodes[0].Node != "узел 1" || nodes[1].Node != "Knoten 2, Zürich" || nodes[2].OK {
		t.Errorf("%+v", nodes)
	}
}

func TestAllPeersAreAskedAtOnce(t *testing.T) {
	const peers = 5 * window
	var arrived sync.WaitGroup
	arrived.Add(peers)
	peer, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Done()
		arrived.Wait() // None answers before all are asked.
		answering(200, `{"series":"writes","column_unix_ms":[],"rows":[]}`)(w, r)
	}))
	options := Options{Sampler: newSampler(t, 1), Node: "n1"}
	for i := range peers {
		options.Peers = append(options.Peers, fmt.Sprintf("%s/%d/", peer, i))
	}
	if answer := read(t, get(newHandler(t, options), "/matrix")); answer.Fanout.Responded != peers+1 {
		t.Errorf("%+v", answer.Fanout)
	}
}

func TestARedirectTakesNoCredentialsElsewhere(t *testing.T) {
	elsewhere, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("it is asked for %v, with %v", r.URL, r.Header)
	}))
	for _, status := range []int{301, 302, 303, 307, 308} {
		peer, _ := serve(t, http.RedirectHandler(elsewhere, status))
		h := newHandler(t, Options{
			Sampler: newHotSampler(t, map[string]int{"a": 1}), Node: "n1", Peers: []string{peer},
			Client:  &http.Client{}, // which would follow
			Forward: func(to, came *http.Request) { to.Header.Set("Authorization", "Bearer token") },
		})
		says := fmt.Sprintf("HTTP %d", status)
		if node := read(t, get(h, "/matrix")).Fanout.Nodes[1]; node.OK || !strings.Contains(node.Error, says) {
			t.Errorf("%+v", node)
		}
		if node := readKeys(t, get(h, asksRedis), 200).Fanout.Nodes[1]; node.OK || !strings.Contains(node.Error, says) {
			t.Errorf("%+v", node)
		}
	}
}

func TestAnAnswerOverTheLimitIsRefusedByItsLengthAndByWhatItUnpacksTo(t *testing.T) {
	if DefaultMaxPeerBytes != 64<<20 || DefaultPeerTimeout != 2*time.Second {
		t.Error("the limits are not those that are promised")
	}
	const most = 1 << 20
	announced, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(most+1))
		w.(http.Flusher).Flush()
		<-r.Context().Done() // There is nothing to read.
	}))
	packed, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.Copy(z, io.LimitReader(spaces{}, most+1)) // about 1 KiB on the wire
		z.Close()
	}))
	inHeader, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 2*maxHeaderBytes))
	}))
	h := newHandler(t, Options{
		Sampler: newSampler(t, 1), Node: "n1", Peers: []string{announced, packed, inHeader},
		MaxPeerBytes: most, PeerTimeout: time.Minute,
	})
	// One that waited for what was announced would be late.
	nodes := read(t, get(h, "/matrix")).Fanout.Nodes
	for i, says := range []string{"too large", "too large", "headers exceeded"} {
		if node := nodes[i+1]; node.OK || !strings.Contains(node.Error, says) {
			t.Errorf("%+v, want %q", node, says)
		}
	}
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestAPanicOfTheHostsFunctionEndsOneRequest(t *testing.T) {
	peer, _ := serve(t, newHandler(t, Options{Sampler: newSampler(t, 1), Node: "n2"}))
	var broken atomic.Bool
	broken.Store(true)
	h := newHandler(t, Options{Sampler: newSampler(t, 1), Node: "n1", Peers: []string{peer}, Forward: func(_, _ *http.Request) {
		if broken.Load() {
			panic(http.ErrAbortHandler)
		}
	}})
	url, _ := serve(t, h)
	if response, err := http.Get(url + "/matrix"); err == nil {
		t.Errorf("it answered %s", response.Status)
		response.Body.Close()
	}
	broken.Store(false)
	if answer := read(t, get(h, "/matrix")); answer.Fanout.Responded != 2 {
		t.Errorf("%+v", answer.Fanout)
	}
}

func TestPeersGetWritesThatCanBeMergedAgain(t *testing.T) {
	s := keyviz.NewMemSampler(keyviz.MemSamplerOptions{})
	defer s.Close()
	for i := range 3 {
		s.RegisterRoute(uint64(i+1), []byte{byte(i)}, []byte{byte(i + 1)}, uint64(i+1))
		s.Observe(uint64(i+1), []byte{byte(i)}, keyviz.OpWrite, 1, keyviz.LabelLegacy)
		s.Observe(uint64(i+1), []byte{byte(i)}, keyviz.OpRead, 1, keyviz.LabelLegacy)
	}
	s.Flush()
	h := newHandler(t, Options{Sampler: s, Node: "n1", Mode: keyviz.BudgetMerge})
	for _, one := range []struct {
		series string
		ofPeer bool
		merged bool
	}{{"writes", false, true}, {"writes", true, false}, {"write_bytes", true, false}, {"reads", true, true}} {
		r := httptest.NewRequest("GET", "/matrix?rows=2&series="+one.series, nil)
		if one.ofPeer {
			r.Header.Set(fanoutHeader, "n2")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if merged := strings.Contains(w.Body.String(), `"merged:`); merged != one.merged {
			t.Errorf("%+v: %s", one, w.Body)
		}
	}
}
