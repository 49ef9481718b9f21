//go:build cgo

package keyvizhttp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

// newHotSampler has published the writes of route 1: these keys, so often.
func newHotSampler(t *testing.T, counts map[string]int) *keyviz.MemSampler {
	t.Helper()
	s := keyviz.NewMemSampler(keyviz.MemSamplerOptions{
		KeyVizLabelsEnabled: true, HotKeysEnabled: true, HotKeysSampleRate: 1, HotKeysPerRoute: 256, KeyBucketsPerRoute: 2,
		HotKeysMaxKeyLen: 20, Now: func() time.Time { return start },
	})
	t.Cleanup(s.Close)
	s.RegisterRoute(1, []byte("a"), []byte("c"), 1)
	for key, count := range counts {
		for range count {
			s.Observe(1, []byte(key), keyviz.OpWrite, 7, keyviz.LabelRedis)
		}
	}
	if err := s.PublishHotKeys(); err != nil {
		t.Fatal(err)
	}
	return s
}

type toldKeys struct {
	Code       string
	Message    string
	Label      string
	Series     string
	SubBucket  *int `json:"sub_bucket"`
	Degraded   bool
	SampledN   uint64 `json:"sampled_n"`
	SampleRate uint64 `json:"sample_rate"`
	Keys       []struct {
		Key       []byte `json:"key_b64"`
		Count     uint64
		CountLow  uint64 `json:"count_low"`
		CountHigh uint64 `json:"count_high"`
	}
	Fanout *struct {
		Nodes []struct {
			Node, Error string
			OK          bool
		}
		Responded, Expected int
	}
}

func readKeys(t *testing.T, w *httptest.ResponseRecorder, status int) (answer toldKeys) {
	t.Helper()
	if w.Code != status || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func (a toldKeys) String() string {
	var s []string
	for _, one := range a.Keys {
		s = append(s, fmt.Sprintf("%s:%d", one.Key, one.Count))
	}
	return strings.Join(s, " ")
}

const asksRedis = "/keyviz/hotkeys?route_id=1&label=redis"

func TestHotKeysOfANode(t *testing.T) {
	h := newHandler(t, Options{Sampler: newHotSampler(t, map[string]int{"aa": 3, "b": 2, "bb": 1})})
	answer := readKeys(t, get(h, asksRedis), 200)
	if answer.String() != "aa:3 b:2 bb:1" || answer.Series != "writes" || answer.Label != "redis" || answer.SampledN != 6 || answer.Degraded || answer.Fanout != nil {
		t.Errorf("%+v", answer)
	}
	if answer := readKeys(t, get(h, asksRedis+"&top=1"), 200); answer.String() != "aa:3" {
		t.Errorf("%+v", answer)
	}
	if answer := readKeys(t, get(h, asksRedis+"&sub_bucket=1"), 200); answer.String() != "b:2 bb:1" || *answer.SubBucket != 1 {
		t.Errorf("%+v", answer)
	}
	if page := get(h, "/keyviz/").Body.Bytes(); !bytes.Contains(page, []byte("hotkeys")) {
		t.Error("the page doesn't know of them")
	}
}

func TestHotKeysThatThereAreNot(t *testing.T) {
	closed := newHotSampler(t, nil)
	closed.Close()
	on := newHotSampler(t, map[string]int{"a": 1})
	later := start.Add(time.Second).UnixMilli()
	for _, one := range []struct {
		s      *keyviz.MemSampler
		query  string
		status int
		code   string
	}{
		{nil, "route_id=1", 503, "keyviz_disabled"},
		{closed, "route_id=1", 503, "keyviz_disabled"},
		{newSampler(t, 1), "route_id=1&label=redis", 503, "hotkeys_disabled"},
		{on, "", 400, "invalid_query"},
		{on, "route_id=1&label=kafka", 400, "invalid_query"},
		{on, "route_id=1&top=0", 400, "invalid_query"},
		{on, "route_id=1&series=read_bytes", 400, "invalid_query"},
		{on, "route_id=1&label=redis&sub_bucket=2", 400, "invalid_query"},
		{on, "route_id=1&from_unix_ms=2&to_unix_ms=1", 400, "invalid_query"},
		{on, fmt.Sprintf("route_id=1&label=redis&from_unix_ms=%d", later), 400, "out_of_snapshot_window"},
		{on, "route_id=1&label=s3", 404, "no_snapshot"},
		{on, "route_id=2&label=redis", 404, "no_snapshot"},
		{on, "route_id=1&label=redis&series=reads", 404, "no_snapshot"},
	} {
		// The same alone, and where there are peers that have none either.
		other := httptest.NewServer(newHandler(t, Options{Sampler: newHotSampler(t, nil), Node: "n2"}))
		defer other.Close()
		for _, peers := range [][]string{nil, {other.URL}} {
			h := newHandler(t, Options{Sampler: one.s, Node: "n1", Peers: peers})
			if answer := readKeys(t, get(h, "/keyviz/hotkeys?"+one.query), one.status); answer.Code != one.code || answer.Message == "" {
				t.Errorf("%q, %d peers: %+v", one.query, len(peers), answer)
			}
		}
	}
}

func TestAKeyThatIsSecondEverywhereIsFirstInTheCluster(t *testing.T) {
	handlers := make([]*Handler, 3)
	var urls []string
	for i := range handlers {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handlers[i].ServeHTTP(w, r) }))
		defer server.Close()
		urls = append(urls, server.URL)
	}
	for i := range handlers {
		s := newHotSampler(t, map[string]int{"second": 9, fmt.Sprintf("mine%d", i): 10 + i})
		handlers[i] = newHandler(t, Options{Sampler: s, Node: fmt.Sprintf("n%d", i), Peers: urls})
	}
	for i, h := range handlers {
		answer := readKeys(t, get(h, asksRedis+"&top=2"), 200)
		if answer.String() != "second:27 mine2:12" || answer.SampledN != 27+33 || answer.Degraded {
			t.Errorf("node %d: %+v", i, answer)
		}
		if answer.Fanout == nil || answer.Fanout.Responded != 3 || answer.Fanout.Expected != 3 {
			t.Errorf("node %d: %+v", i, answer.Fanout)
		}
	}
}

func TestANodeWithoutASnapshotAnsweredAndOneThatFailsDegrades(t *testing.T) {
	empty := httptest.NewServer(newHandler(t, Options{Sampler: newHotSampler(t, nil), Node: "n2"}))
	defer empty.Close()
	off := httptest.NewServer(newHandler(t, Options{Sampler: newSampler(t, 1), Node: "n3"}))
	defer off.Close()
	good := get(newHandler(t, Options{Sampler: newHotSampler(t, map[string]int{"a": 5})}), asksRedis).Body.String()
	again := func(body string, header string) *httptest.Server {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(nodeHeader, header)
			if r.Header.Get(fanoutHeader) != "n1" || r.URL.Query().Get("top") != "256" || r.URL.Path != "/hotkeys" {
				t.Errorf("asked for %v", r.URL)
			}
			w.Write([]byte(body))
		}))
		t.Cleanup(server.Close)
		return server
	}
	for _, one := range []struct {
		peer     *httptest.Server
		says     string // empty: it counts, or has nothing to add
		answered string
		degraded bool
	}{
		{empty, "", "a:1", false},
		{again(good, "n5"), "", "a:6", false},
		{again(good, ""), "", "a:6", false},
		{again(good, "n1"), "", "a:1", false}, // this node itself
		{off, "hotkeys_disabled", "a:1", true},
		{again("<html>", ""), "malformed", "a:1", true},
		{again(good+strings.Repeat(" ", maxHotKeysBytes), ""), "too large", "a:1", true},
		{again(strings.Replace(good, `"route_id":1`, `"route_id":2`, 1), ""), "another question", "a:1", true},
		{again(strings.Replace(good, `"series"`, `"fanout":{"nodes":[],"responded":0,"expected":0},"series"`, 1), ""), "asked its own peers", "a:1", true},
	} {
		s := newHotSampler(t, map[string]int{"a": 1})
		answer := readKeys(t, get(newHandler(t, Options{Sampler: s, Node: "n1", Peers: []string{one.peer.URL}}), asksRedis), 200)
		if answer.String() != one.answered || answer.Degraded != one.degraded {
			t.Errorf("%q: %+v", one.says, answer)
		}
		nodes := answer.Fanout.Nodes
		if failed := nodes[len(nodes)-1]; failed.OK != (one.says == "") || !strings.Contains(failed.Error, one.says) {
			t.Errorf("%q: %+v", one.says, failed)
		}
	}
	// Two peers that are one node.
	first, second := again(good, "n2"), again(good, "n2")
	s := newHotSampler(t, map[string]int{"a": 1})
	answer := readKeys(t, get(newHandler(t, Options{Sampler: s, Node: "n1", Peers: []string{first.URL, second.URL}}), asksRedis), 200)
	if answer.String() != "a:6" || !answer.Degraded || !strings.Contains(answer.Fanout.Nodes[2].Error, "in already") {
		t.Errorf("%+v", answer)
	}
}

func TestAPeerThatAnswersUnderAnotherLabelSpoilsNothing(t *testing.T) {
	redis := get(newHandler(t, Options{Sampler: newHotSampler(t, map[string]int{"b": 3})}), "/hotkeys?route_id=1&label=redis").Body.String()
	for _, label := range []string{"", "s3", "kafka"} { // legacy, another one, and one that is not known here
		peer := httptest.NewServer(answering(200, strings.Replace(redis, `"redis"`, `"`+label+`"`, 1)))
		h := newHandler(t, Options{Sampler: newHotSampler(t, map[string]int{"a": 2}), Node: "n1", Peers: []string{peer.URL}})
		answer := readKeys(t, get(h, "/hotkeys?route_id=1&label=redis"), 200)
		peer.Close()
		if answer.SampledN != 2 || !answer.Degraded || answer.Fanout.Responded != 1 || answer.Fanout.Nodes[1].Error == "" {
			t.Errorf("%q: %+v", label, answer)
		}
	}
}
