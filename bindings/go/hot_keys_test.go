//go:build cgo

package keyviz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"
)

func everyKey() MemSamplerOptions {
	return MemSamplerOptions{KeyVizLabelsEnabled: true, HotKeysEnabled: true, HotKeysSampleRate: 1, HotKeysPerRoute: 256}
}

func published(t testing.TB, s *MemSampler, clock *fakeClock) time.Time {
	t.Helper()
	at := clock.Advance(s.Step())
	if err := s.PublishHotKeys(); err != nil {
		t.Fatal(err)
	}
	return at
}

// countsOf are a snapshot's.
func countsOf(snapshot *KeyvizHotKeysSnapshot) map[string]uint64 {
	counts := make(map[string]uint64)
	for _, one := range snapshot.Entries {
		counts[string(one.Key)] += one.Count
	}
	return counts
}

func TestEveryKeyIsCountedWhereEverythingIsSampled(t *testing.T) {
	for _, parts := range []int{1, 8} {
		opts := everyKey()
		opts.KeyBucketsPerRoute = parts
		s, clock := newTestSamplerWith(t, opts, MoreOptions{HotKeysSeries: HotKeysBoth})
		type subject struct {
			route uint64
			label Label
			op    Op
		}
		truth := make(map[subject]map[string]uint64)
		for id := uint64(1); id <= 3; id++ {
			s.RegisterRoute(id, nil, nil, 0)
		}
		random := rand.New(rand.NewPCG(1, 2))
		for range 20_000 {
			of := subject{1 + random.Uint64N(3), labels[random.IntN(labelCount)], Op(random.IntN(2))}
			key := fmt.Sprint(random.IntN(100))[random.IntN(2):]
			if truth[of] == nil {
				truth[of] = make(map[string]uint64)
			}
			truth[of][key]++
			s.Observe(of.route, []byte(key), of.op, 1, of.label)
		}
		at := published(t, s, clock)
		for of, want := range truth {
			reply := must[*HotKeys](t)(s.HotKeys(HotKeysQuery{RouteID: of.route, Label: of.label, Series: Series(of.op), Top: 256}))
			got := make(map[string]uint64)
			total := uint64(0)
			for _, one := range reply.Keys() {
				got[string(one.Key)] = one.Count
				total += one.Count
				if one.CountLow != one.Count || one.CountHigh != one.Count {
					t.Errorf("%+v of a sketch that holds every key", one)
				}
			}
			info := reply.Info()
			if !reflect.DeepEqual(got, want) || info.SampledN != total || info.Degraded || info.Label != of.label {
				t.Errorf("%v: %v, want %v; %+v", of, got, want, info)
			}
			if of.op != OpWrite {
				continue
			}
			snapshot := s.HotKeysSnapshot(of.route, of.label)
			if !reflect.DeepEqual(countsOf(snapshot), want) || snapshot.SampledN != total || snapshot.SnapshotAt != at {
				t.Errorf("%v: %+v, want %v at %v", of, snapshot, want, at)
			}
			if snapshot.RouteID != of.route || snapshot.Label != of.label || snapshot.SampleRate != 1 || snapshot.Capacity != 256 {
				t.Errorf("%v: %+v", of, snapshot)
			}
		}
		if stats := s.Stats(); stats.HotKeysRolled != 20_000 || stats.HotKeysSampled != 20_000 || stats.HotKeysDropped != 0 || stats.HotKeyBytes == 0 {
			t.Errorf("%+v", stats)
		}
	}
}

func TestManyGoroutinesLoseNoSample(t *testing.T) {
	for _, rate := range []int{1, 16} {
		s, clock := newTestSampler(t, MemSamplerOptions{HotKeysEnabled: true, HotKeysSampleRate: rate})
		for id := range uint64(10) {
			s.RegisterRoute(id, nil, nil, 0)
		}
		const goroutines, each = 16, 5000
		var all sync.WaitGroup
		for range goroutines {
			all.Add(1)
			go func() {
				defer all.Done()
				key := []byte("key 0")
				for i := range uint64(each) {
					key[4] = byte('0' + i%7)
					s.Observe(i%10, key, OpWrite, 1, LabelLegacy)
				}
			}()
		}
		sampled := uint64(0)
		publish := func() {
			published(t, s, clock)
			for id := range uint64(10) {
				if snapshot := s.HotKeysSnapshot(id, LabelLegacy); snapshot != nil {
					sampled += snapshot.SampledN
				}
			}
		}
		for range 5 {
			publish()
		}
		all.Wait()
		publish()
		stats := s.Stats()
		if stats.HotKeysRolled != goroutines*each || stats.HotKeysSampled != sampled || stats.HotKeysDropped != 0 {
			t.Errorf("1 in %d: %d in snapshots, %+v", rate, sampled, stats)
		}
		if expected := float64(goroutines*each) / float64(rate); math.Abs(float64(sampled)-expected) > 6*math.Sqrt(expected) ||
			rate == 1 && sampled != goroutines*each {
			t.Errorf("1 in %d: %d samples", rate, sampled)
		}
	}
}

func TestAPeriodThatDividesTheRateIsSampledFairly(t *testing.T) {
	const rate, n = 16, 800_000
	for _, period := range []int{2, 8, 16, 32} {
		s, clock := newTestSampler(t, MemSamplerOptions{HotKeysEnabled: true, HotKeysSampleRate: rate})
		s.RegisterRoute(1, nil, nil, 0)
		for i := range n {
			s.Observe(1, []byte{byte(i % period)}, OpWrite, 1, LabelLegacy)
		}
		published(t, s, clock)
		for key, count := range countsOf(s.HotKeysSnapshot(1, LabelLegacy)) {
			if expected := float64(n) / rate / float64(period); math.Abs(float64(count)-expected) > 6*math.Sqrt(expected) {
				t.Errorf("key %q of %d: %d samples, and %v are expected", key, period, count, expected)
			}
		}
		if keys := len(s.HotKeysSnapshot(1, LabelLegacy).Entries); keys != period {
			t.Errorf("%d keys of %d", keys, period)
		}
	}
}

func TestOnlyTheSeriesThatAreTrackedHaveHotKeys(t *testing.T) {
	for _, series := range []HotKeysSeries{HotKeysWrites, HotKeysReads, HotKeysBoth} {
		s, clock := newTestSamplerWith(t, everyKey(), MoreOptions{HotKeysSeries: series})
		s.RegisterRoute(1, nil, nil, 0)
		s.Observe(1, []byte("w"), OpWrite, 1, LabelS3)
		s.Observe(1, []byte("r"), OpRead, 1, LabelS3)
		published(t, s, clock)
		_, reads := s.HotKeys(HotKeysQuery{RouteID: 1, Label: LabelS3, Series: SeriesReads})
		_, writes := s.HotKeys(HotKeysQuery{RouteID: 1, Label: LabelS3, Series: SeriesWrites})
		if (reads == nil) != (series != HotKeysWrites) || (writes == nil) != (series != HotKeysReads) {
			t.Errorf("%d: reads %v, writes %v", series, reads, writes)
		}
		if (s.HotKeysSnapshot(1, LabelS3) == nil) != (series == HotKeysReads) {
			t.Errorf("%d: a snapshot of another series", series)
		}
	}
}

func TestLongKeysAreSkippedAndCounted(t *testing.T) {
	opts := everyKey()
	opts.HotKeysMaxKeyLen = 4
	s, clock := newTestSampler(t, opts)
	s.RegisterRoute(1, nil, nil, 0)
	for _, key := range []string{"1234", "12345", "12346", "", "123"} {
		s.Observe(1, []byte(key), OpWrite, 1, LabelS3)
		s.Observe(1, []byte(key), OpRead, 1, LabelS3)
	}
	s.Observe(1, nil, OpWrite, 1, LabelS3)
	published(t, s, clock)
	snapshot := s.HotKeysSnapshot(1, LabelS3)
	want := map[string]uint64{"": 2, "123": 1, "1234": 1}
	if !reflect.DeepEqual(countsOf(snapshot), want) || snapshot.SkippedLongKeys != 2 || snapshot.SampledN != 4 {
		t.Errorf("%+v", snapshot)
	}
	if stats := s.Stats(); stats.HotKeysRolled != 4 || stats.HotKeysSkipped != 2 {
		t.Errorf("%+v", stats)
	}
}

func TestVirtualBucketsHaveNoHotKeys(t *testing.T) {
	opts := everyKey()
	opts.MaxTrackedRoutes = 1
	s, clock := newTestSampler(t, opts)
	if !s.RegisterRoute(1, nil, []byte("m"), 0) || s.RegisterRoute(2, []byte("m"), nil, 0) {
		t.Fatal("the second is folded")
	}
	for _, label := range []Label{LabelS3, "memcached"} {
		s.Observe(1, []byte("a"), OpWrite, 1, label)
		s.Observe(2, []byte("z"), OpWrite, 1, label)
		s.Observe(2, bytes.Repeat([]byte("z"), 2000), OpWrite, 1, label)
		s.Observe(3, []byte("unknown"), OpWrite, 1, label)
	}
	published(t, s, clock)
	if s.HotKeysSnapshot(1, LabelS3) == nil || s.HotKeysSnapshot(2, LabelS3) != nil || s.HotKeysSnapshot(3, LabelS3) != nil {
		t.Error("only the route with slots of its own has hot keys")
	}
	if stats := s.Stats(); stats.HotKeysRolled != 1 || stats.HotKeysSampled != 1 || stats.HotKeysSkipped != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestARemovedRouteTakesItsHotKeysAlong(t *testing.T) {
	s, clock := newTestSampler(t, everyKey())
	s.RegisterRoute(1, nil, nil, 0)
	s.RegisterRoute(2, nil, nil, 0)
	write := func(key string) {
		s.Observe(1, []byte(key), OpWrite, 1, LabelS3)
		s.Observe(2, []byte(key), OpWrite, 1, LabelS3)
	}
	write("a")
	published(t, s, clock)
	write("b")
	s.RemoveRoute(1)
	write("c")
	published(t, s, clock)
	if s.HotKeysSnapshot(1, LabelS3) != nil || len(s.HotKeysSnapshot(2, LabelS3).Entries) != 2 {
		t.Error("removed in the middle of the window")
	}
	s.RegisterRoute(1, nil, nil, 0)
	if s.HotKeysSnapshot(1, LabelS3) != nil {
		t.Error("it begins anew")
	}
	write("d")
	published(t, s, clock)
	if got := countsOf(s.HotKeysSnapshot(1, LabelS3)); !reflect.DeepEqual(got, map[string]uint64{"d": 1}) {
		t.Error(got)
	}
	if stats := s.Stats(); stats.HotKeysForgotten != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestWithoutTrafficASnapshotIsEmptyAndThatIsNotNone(t *testing.T) {
	s, clock := newTestSampler(t, everyKey())
	s.RegisterRoute(1, nil, nil, 0)
	published(t, s, clock)
	if s.HotKeysSnapshot(1, LabelS3) != nil {
		t.Error("nothing was sampled yet")
	}
	s.Observe(1, []byte("a"), OpWrite, 1, LabelS3)
	if s.HotKeysSnapshot(1, LabelS3) != nil {
		t.Error("nothing was published yet")
	}
	first := published(t, s, clock)
	held := s.HotKeysSnapshot(1, LabelS3)
	second := published(t, s, clock)
	if next := s.HotKeysSnapshot(1, LabelS3); next == nil || next.Entries != nil || next.SampledN != 0 || next.SnapshotAt != second {
		t.Errorf("%+v", next)
	}
	if len(held.Entries) != 1 || held.SnapshotAt != first {
		t.Errorf("a snapshot changed: %+v", held)
	}
}

func TestTheTimesOfSnapshotsAreThoseThatNowGave(t *testing.T) {
	var at time.Time
	opts := everyKey()
	opts.Now = func() time.Time { at = time.Now(); return at }
	s, _ := newTestSampler(t, opts)
	s.RegisterRoute(1, nil, nil, 0)
	s.Observe(1, []byte("a"), OpWrite, 1, LabelS3)
	if err := s.PublishHotKeys(); err != nil {
		t.Fatal(err)
	}
	if snapshot := s.HotKeysSnapshot(1, LabelS3); snapshot.SnapshotAt != at {
		t.Errorf("%v, and the clock gave %v", snapshot.SnapshotAt, at)
	}
	// A clock that shows the year 1.
	opts.Now = newYearOne().Now
	s, _ = newTestSampler(t, opts)
	s.RegisterRoute(1, nil, nil, 0)
	s.Observe(1, []byte("a"), OpWrite, 1, LabelS3)
	if err := s.PublishHotKeys(); err != nil {
		t.Fatal(err)
	}
	if snapshot := s.HotKeysSnapshot(1, LabelS3); snapshot.SnapshotAt != opts.Now() {
		t.Error(snapshot.SnapshotAt)
	}
}

func newYearOne() *fakeClock { return &fakeClock{now: time.Time{}.Add(time.Hour)} }

func TestWithoutLabelsAnyLabelHasTheHotKeysOfAll(t *testing.T) {
	opts := everyKey()
	opts.KeyVizLabelsEnabled = false
	s, clock := newTestSampler(t, opts)
	s.RegisterRoute(1, nil, nil, 0)
	s.Observe(1, []byte("a"), OpWrite, 1, LabelS3)
	s.Observe(1, []byte("a"), OpWrite, 1, "memcached")
	published(t, s, clock)
	for _, label := range []Label{LabelLegacy, LabelS3, "memcached"} {
		if got := s.HotKeysSnapshot(1, label); got == nil || got.Label != LabelLegacy || got.SampledN != 2 {
			t.Errorf("%q: %+v", label, got)
		}
	}
}

func TestAReplyIsOfWhatWasAsked(t *testing.T) {
	opts := everyKey()
	opts.KeyBucketsPerRoute, opts.HotKeysSampleRate = 4, 2
	s, clock := newTestSampler(t, opts)
	s.RegisterRoute(1, []byte{0}, []byte{64}, 0)
	for i := range 64_000 {
		s.Observe(1, []byte{byte(i % 64)}, OpWrite, 1, LabelS3)
	}
	at := published(t, s, clock)
	whole := must[*HotKeys](t)(s.HotKeys(HotKeysQuery{RouteID: 1, Label: LabelS3, Series: SeriesWrites}))
	info := whole.Info()
	if len(whole.Keys()) != 20 || info.SampleRate != 2 || !info.SnapshotAt.Equal(at) || info.ErrorBound != 2*info.SampledN/256 {
		t.Errorf("%d keys, %+v", len(whole.Keys()), info)
	}
	if !sort.SliceIsSorted(whole.Keys(), func(i, j int) bool { return whole.Keys()[i].Count > whole.Keys()[j].Count }) {
		t.Error("not sorted")
	}
	part := must[*HotKeys](t)(s.HotKeys(HotKeysQuery{RouteID: 1, Label: LabelS3, Series: SeriesWrites, InSubBucket: true, SubBucket: 2, Top: 100}))
	lo, hi, _ := s.SubBucketBoundsFor(1, LabelS3, 2)
	if len(part.Keys()) != 16 || !part.Info().InSubBucket || part.Info().SubBucket != 2 {
		t.Errorf("%d keys, %+v", len(part.Keys()), part.Info())
	}
	for _, one := range part.Keys() {
		if bytes.Compare(one.Key, lo) < 0 || bytes.Compare(one.Key, hi) >= 0 || one.Count%2 != 0 {
			t.Errorf("%v is not in [%v, %v)", one, lo, hi)
		}
	}
	for _, wrong := range []struct {
		query HotKeysQuery
		err   error
	}{
		{HotKeysQuery{RouteID: 2, Label: LabelS3, Series: SeriesWrites}, ErrNoSnapshot},
		{HotKeysQuery{RouteID: 1, Label: LabelRedis, Series: SeriesWrites}, ErrNoSnapshot},
		{HotKeysQuery{RouteID: 1, Label: LabelS3, Series: SeriesReads}, ErrNoSnapshot},
		{HotKeysQuery{RouteID: 1, Label: LabelS3, Series: SeriesWriteBytes}, ErrInvalidArgument},
		{HotKeysQuery{RouteID: 1, Label: "memcached", Series: SeriesWrites}, ErrInvalidArgument},
		{HotKeysQuery{RouteID: 1, Label: LabelS3, Series: SeriesWrites, Top: -1}, ErrInvalidArgument},
		{HotKeysQuery{RouteID: 1, Label: LabelS3, Series: SeriesWrites, InSubBucket: true, SubBucket: 4}, ErrInvalidArgument},
		{HotKeysQuery{RouteID: 1, Label: LabelS3, Series: SeriesWrites, InSubBucket: true, SubBucket: -1}, ErrInvalidArgument},
		{HotKeysQuery{RouteID: 1, Label: LabelS3, Series: SeriesWrites, From: at.Add(time.Second)}, ErrOutOfSnapshotWindow},
		{HotKeysQuery{RouteID: 1, Label: LabelS3, Series: SeriesWrites, To: at.Add(-time.Hour)}, ErrOutOfSnapshotWindow},
		{HotKeysQuery{RouteID: 1, Label: LabelS3, Series: SeriesWrites, From: at, To: at.Add(-time.Hour)}, ErrInvalidArgument},
		{HotKeysQuery{RouteID: 1, Label: LabelS3, Series: SeriesWrites, Column: at}, ErrNoSnapshot},
	} {
		if _, err := s.HotKeys(wrong.query); !errors.Is(err, wrong.err) {
			t.Errorf("%+v: %v, want %v", wrong.query, err, wrong.err)
		}
	}
}

func TestAColumnKeepsItsFirstKeys(t *testing.T) {
	s, clock := newTestSamplerWith(t, everyKey(), MoreOptions{HotKeysInColumns: true})
	s.RegisterRoute(1, nil, nil, 0)
	var ats []time.Time
	for _, key := range []string{"a", "b", "c"} {
		s.Observe(1, []byte(key), OpWrite, 1, LabelS3)
		published(t, s, clock)
		ats = append(ats, flushed(s, clock).At)
	}
	for i, key := range []string{"a", "b", "c"} {
		kept := must[*HotKeys](t)(s.HotKeys(HotKeysQuery{RouteID: 1, Label: LabelS3, Series: SeriesWrites, Column: ats[i]})).Keys()
		if len(kept) != 1 || string(kept[0].Key) != key {
			t.Errorf("column %d: %v", i, kept)
		}
	}
}

func TestQueryStringsOfHotKeys(t *testing.T) {
	got := must[HotKeysQuery](t)(ParseHotKeysQuery("route_id=7&label=s3&sub_bucket=2&series=reads&top=5000&from_unix_ms=1&to_unix_ms=2&x=y"))
	want := HotKeysQuery{
		RouteID: 7, Label: LabelS3, Series: SeriesReads, InSubBucket: true, SubBucket: 2, Top: 1024,
		From: time.UnixMilli(1), To: time.UnixMilli(2),
	}
	if got != want {
		t.Errorf("%+v", got)
	}
	if got := must[HotKeysQuery](t)(ParseHotKeysQuery("route_id=7")); got != (HotKeysQuery{RouteID: 7, Series: SeriesWrites}) {
		t.Errorf("%+v", got)
	}
	for query, names := range map[string]string{"": "route_id", "route_id=1&label=x": "label", "route_id=1&top=0": "top", "route_id=1&series=bytes": "series"} {
		if _, err := ParseHotKeysQuery(query); !errors.Is(err, ErrInvalidArgument) || !strings.Contains(err.Error(), names) {
			t.Errorf("%q: %v", query, err)
		}
	}
}

// nodeWith is a node's answer about keys that were written so often.
func nodeWith(t *testing.T, counts map[string]int) *HotKeys {
	s, clock := newTestSampler(t, everyKey())
	s.RegisterRoute(1, nil, nil, 0)
	for key, count := range counts {
		for range count {
			s.Observe(1, []byte(key), OpWrite, 1, LabelS3)
		}
	}
	published(t, s, clock)
	return must[*HotKeys](t)(s.HotKeys(HotKeysQuery{RouteID: 1, Label: LabelS3, Series: SeriesWrites, Top: 256}))
}

func TestHotKeysOfAClusterMerge(t *testing.T) {
	one := nodeWith(t, map[string]int{"second": 9, "mine": 10})
	two := nodeWith(t, map[string]int{"second": 8, "other": 11})
	// Over the wire and back.
	two = must[*HotKeys](t)(ParseHotKeysJSON(must[[]byte](t)(two.JSON()), 0))
	sources := []HotKeysSource{{Node: "n1", HotKeys: one}, {Node: "n2", HotKeys: two}, {Node: "n3"}}
	merged := must[*HotKeys](t)(MergeHotKeys(sources, 2))
	keys := merged.Keys()
	if len(keys) != 2 || string(keys[0].Key) != "second" || keys[0].Count != 17 || string(keys[1].Key) != "other" {
		t.Errorf("%+v", keys)
	}
	if info := merged.Info(); info.Degraded || info.SampledN != 38 || info.RouteID != 1 || info.Label != LabelS3 {
		t.Errorf("%+v", info)
	}
	merged = must[*HotKeys](t)(MergeHotKeys(append(sources, HotKeysSource{Node: "n4", Err: errors.New("it is off")}, HotKeysSource{Err: errors.New("")}), 0))
	if !merged.Info().Degraded || !strings.Contains(string(must[[]byte](t)(merged.JSON())), "it is off") {
		t.Errorf("%s", must[[]byte](t)(merged.JSON()))
	}
	if _, err := MergeHotKeys(sources[2:], 0); !errors.Is(err, ErrNoSnapshot) {
		t.Error(err)
	}
	if _, err := MergeHotKeys(nil, 0); !errors.Is(err, ErrNoSnapshot) {
		t.Error(err)
	}
	two.Close()
	if _, err := MergeHotKeys(sources, 0); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestBadHotKeysJSONIsAnErrorThatQuotesNothing(t *testing.T) {
	good := must[[]byte](t)(nodeWith(t, map[string]int{"a": 1}).JSON())
	for _, bad := range [][]byte{nil, []byte("secret"), good[:len(good)-1], bytes.Replace(good, []byte(`"writes"`), []byte(`"secret"`), 1)} {
		if _, err := ParseHotKeysJSON(bad, 0); !errors.Is(err, ErrMalformed) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := ParseHotKeysJSON(good, len(good)-1); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

func TestHotKeysThatThereAreNot(t *testing.T) {
	off, _ := newTestSampler(t, MemSamplerOptions{})
	closed, _ := newTestSampler(t, everyKey())
	closed.Close()
	for _, none := range []struct {
		s   *MemSampler
		err error
	}{{nil, ErrDisabled}, {closed, ErrDisabled}, {off, ErrHotKeysOff}} {
		if err := none.s.PublishHotKeys(); !errors.Is(err, none.err) {
			t.Error(err)
		}
		if _, err := none.s.HotKeys(HotKeysQuery{Series: SeriesWrites}); !errors.Is(err, none.err) {
			t.Error(err)
		}
		if none.s.HotKeysSnapshot(0, LabelLegacy) != nil {
			t.Error("there is a snapshot")
		}
	}
	reply := nodeWith(t, map[string]int{"a": 1})
	reply.Close()
	reply.Close()
	for _, none := range []*HotKeys{nil, reply} {
		if _, err := none.JSON(); !errors.Is(err, ErrClosed) || none.Keys() != nil || none.Info() != (HotKeysInfo{}) {
			t.Error("there is a reply")
		}
		none.Close()
	}
}

func TestTheAggregatorPublishesEachStepAndWhenItEnds(t *testing.T) {
	opts := everyKey()
	opts.Step, opts.Now = time.Millisecond, time.Now
	s, _ := newTestSampler(t, opts)
	s.RegisterRoute(1, nil, nil, 0)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); RunHotKeysAggregator(ctx, s) }()
	s.Observe(1, []byte("a"), OpWrite, 1, LabelS3)
	for s.HotKeysSnapshot(1, LabelS3) == nil {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done

	// One that hardly ever has its step, but ends.
	opts.Step = time.Hour
	s, _ = newTestSampler(t, opts)
	s.RegisterRoute(1, nil, nil, 0)
	s.Observe(1, []byte("a"), OpWrite, 1, LabelS3)
	RunHotKeysAggregator(ctx, s)
	if snapshot := s.HotKeysSnapshot(1, LabelS3); snapshot == nil || snapshot.SampledN != 1 {
		t.Errorf("%+v", snapshot)
	}
	off, _ := newTestSampler(t, MemSamplerOptions{})
	RunHotKeysAggregator(ctx, off)
}

func TestPsWithoutALaneSampleToo(t *testing.T) {
	opts := everyKey()
	s, clock := newTestSampler(t, opts)
	c := s.core.Load()
	if c.table == nil {
		t.Skip("this build has no lanes")
	}
	s.RegisterRoute(1, nil, nil, 0)
	for c.husk.take() != 0 {
	}
	for range 1000 {
		s.Observe(1, []byte("k"), OpWrite, 1, LabelRedis)
	}
	published(t, s, clock)
	stats := s.Stats()
	if got := countsOf(s.HotKeysSnapshot(1, LabelRedis)); got["k"] != 1000 || stats.HotKeysRolled != 1000 || stats.HotKeysSampled != 1000 {
		t.Errorf("%v, %+v", got, stats)
	}
}

func TestObserveAllocatesNothingWhereKeysAreSampled(t *testing.T) {
	s, _ := newTestSampler(t, everyKey())
	s.RegisterRoute(1, nil, nil, 0)
	key := []byte("key")
	if n := testing.AllocsPerRun(1000, func() { s.Observe(1, key, OpWrite, 1, LabelRedis) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCloseBesideEveryMethodOfHotKeys(t *testing.T) {
	for range 15 {
		s, clock := newTestSampler(t, everyKey())
		s.RegisterRoute(1, nil, nil, 0)
		var all sync.WaitGroup
		for _, method := range []func(i uint64){
			func(i uint64) { s.Observe(1, []byte{byte(i)}, OpWrite, 1, LabelS3) },
			func(i uint64) { s.Observe(1, []byte{byte(i)}, OpWrite, 1, LabelRedis) },
			func(i uint64) { clock.Advance(time.Second); _ = s.PublishHotKeys() },
			func(i uint64) { s.RemoveRoute(1); s.RegisterRoute(1, nil, nil, 0) },
			func(i uint64) { s.HotKeysSnapshot(1, LabelS3); s.Stats() },
			func(i uint64) {
				reply, _ := s.HotKeys(HotKeysQuery{RouteID: 1, Label: LabelS3, Series: SeriesWrites})
				if !slices.IsSortedFunc(reply.Keys(), func(a, b HotKey) int { return int(b.Count) - int(a.Count) }) {
					t.Error("not sorted")
				}
			},
		} {
			all.Add(1)
			go func() {
				defer all.Done()
				for i := range uint64(200) {
					method(i)
				}
			}()
		}
		time.Sleep(time.Millisecond)
		s.Close()
		all.Wait()
	}
}
