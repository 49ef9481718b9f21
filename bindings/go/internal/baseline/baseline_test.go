//go:build cgo

package baseline

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

// What is compared does the same work.
func TestTheBaselineCountsAsTheLibraryDoes(t *testing.T) {
	for _, parts := range []int{1, 64} {
		now := time.Unix(1_700_000_000, 0)
		clock := func() time.Time { return now }
		ours := keyviz.NewMemSampler(keyviz.MemSamplerOptions{
			KeyVizLabelsEnabled: true, KeyBucketsPerRoute: parts, HistoryColumns: 3, Now: clock,
		})
		theirs := New(Options{KeyVizLabelsEnabled: true, KeyBucketsPerRoute: parts, HistoryColumns: 3, Now: clock})
		for id := range uint64(20) {
			start, end := fmt.Appendf(nil, "key%02d", id), fmt.Appendf(nil, "key%02d", id+1)
			ours.RegisterRoute(id, start, end, id%3)
			theirs.RegisterRoute(id, start, end, id%3)
		}
		ours.SetLeaderTerm(1, 7)
		theirs.SetLeaderTerm(1, 7)
		random := rand.New(rand.NewPCG(1, 2))
		for range 5 {
			for range 2_000 {
				id, label := random.Uint64N(22), keyviz.AllLabels[random.IntN(5)]
				// One in four may lie outside of the route's range.
				key := fmt.Appendf(nil, "key%02d/%x", (id+max(random.Uint64N(8), 5)-5)%22, random.Uint64())
				key = key[:len(key)-random.IntN(len(key))]
				op, size := keyviz.Op(random.IntN(3)), random.IntN(100)-10
				ours.Observe(id, key, op, size, label)
				theirs.Observe(id, key, op, size, label)
			}
			now = now.Add(time.Minute)
			ours.Flush()
			theirs.Flush()
		}
		want, got := theirs.Snapshot(now.Add(-time.Minute), time.Time{}), ours.Snapshot(now.Add(-time.Minute), time.Time{})
		if len(want) != 2 || !reflect.DeepEqual(got, want) {
			t.Errorf("%d parts: the library\n%+v\nthe baseline\n%+v", parts, got, want)
		}
	}
}

func TestTheBaselineFindsTheHottestKey(t *testing.T) {
	s := New(Options{HotKeysSampleRate: 1})
	s.RegisterRoute(1, nil, nil, 0)
	for i := range 4_000 {
		s.Observe(1, fmt.Appendf(nil, "%d", i%8*i), keyviz.OpWrite, 0, keyviz.LabelLegacy)
	}
	for len(s.hotKeys.queue) > 0 {
		time.Sleep(time.Millisecond)
	}
	s.Close()
	sketch := s.table.Load().ordered[0].sketch
	sketch.mu.Lock()
	defer sketch.mu.Unlock()
	if hot := sketch.entries["0"]; hot == nil || hot.count < 500 || len(sketch.least) != keyviz.DefaultHotKeysPerRoute {
		t.Errorf("the key of every 8th write: %+v, of %d", hot, len(sketch.least))
	}
}
