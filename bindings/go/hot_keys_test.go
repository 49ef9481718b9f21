//go:build cgo

package keyviz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// newHotSampler samples every observation of both series, and has route 1, with the range that there is.
func newHotSampler(t testing.TB, change func(*MemSamplerOptions, *MoreOptions)) (*MemSampler, *fakeClock) {
	t.Helper()
	clock := newFakeClock()
	opts := MemSamplerOptions{KeyVizLabelsEnabled: true, HotKeysEnabled: true, HotKeysSampleRate: 1, Now: clock.Now}
	more := MoreOptions{HotKeysSeries: HotKeysBoth}
	if change != nil {
		change(&opts, &more)
	}
	s, err := NewMemSamplerWith(opts, more)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.RegisterRoute(1, nil, nil, 1)
	return s, clock
}

func published(t testing.TB, s *MemSampler, clock *fakeClock) time.Time {
	t.Helper()
	at := clock.Advance(s.Step())
	if err := s.PublishHotKeys(); err != nil {
		t.Fatal(err)
	}
	return at
}

// observeKeys writes (or reads) the i-th key i+1 times.
func observeKeys(s *MemSampler, op Op, label Label, keys ...string) {
	for i, key := range keys {
		for range i + 1 {
			s.Observe(1, []byte(key), op, 10, label)
		}
	}
}

func rawCounts(s *KeyvizHotKeysSnapshot) map[string]uint64 {
	if s == nil {
		return nil
	}
	counts := map[string]uint64{}
	for _, one := range s.Entries {
		counts[string(one.Key)] = one.Count
	}
	return counts
}

func TestWhatIsSampledWithoutChanceIsExact(t *testing.T) {
	for _, parts := range []int{1, 8} {
		s, clock := newHotSampler(t, func(opts *MemSamplerOptions, _ *MoreOptions) { opts.KeyBucketsPerRoute = parts })
		all := append([]Label{LabelLegacy}, AllLabels[:]...)
		type cell struct {
			series Series
			label  Label
		}
		var mu sync.Mutex
		want := map[cell]map[string]uint64{}
		var observing sync.WaitGroup
		for n := range uint64(4) {
			observing.Add(1)
			go func() {
				defer observing.Done()
				random := rand.New(rand.NewPCG(n, 7))
				own := map[cell]map[string]uint64{}
				for range 20_000 {
					key, op, label := fmt.Sprintf("key-%02d", random.IntN(50)), Op(random.IntN(2)), all[random.IntN(len(all))]
					s.Observe(1, []byte(key), op, 5, label)
					in := cell{SeriesReads, label}
					if op == OpWrite {
						in.series = SeriesWrites
					}
					if own[in] == nil {
						own[in] = map[string]uint64{}
					}
					own[in][key]++
				}
				mu.Lock()
				defer mu.Unlock()
				for in, keys := range own {
					if want[in] == nil {
						want[in] = map[string]uint64{}
					}
					for key, count := range keys {
						want[in][key] += count
					}
				}
			}()
		}
		observing.Wait()
		published(t, s, clock)
		for in, keys := range want {
			reply, err := s.HotKeys(HotKeysQuery{RouteID: 1, Label: in.label, Series: in.series, Top: 64})
			if err != nil {
				t.Fatal(err)
			}
			found := reply.Keys()
			for i, one := range found {
				if one.Count != keys[string(one.Key)] || one.CountLow != one.Count || one.CountHigh != one.Count {
					t.Errorf("%v: %s %+v, want exactly %d", in, one.Key, one, keys[string(one.Key)])
				}
				if i > 0 && (found[i-1].Count < one.Count || found[i-1].Count == one.Count && bytes.Compare(found[i-1].Key, one.Key) >= 0) {
					t.Errorf("%v: %s comes after %s", in, one.Key, found[i-1].Key)
				}
			}
			if len(found) != len(keys) {
				t.Errorf("%v: %d keys, want %d", in, len(found), len(keys))
			}
			if in.series == SeriesWrites {
				if got := rawCounts(s.HotKeysSnapshot(1, in.label)); len(got) != len(keys) || got["key-07"] != keys["key-07"] {
					t.Errorf("%v: the snapshot has %d keys, and %d of key-07", in, len(got), got["key-07"])
				}
			}
		}
		if stats := s.Stats(); stats.HotKeysRolled != 80_000 || stats.HotKeysSampled != 80_000 || stats.HotKeysDropped != 0 {
			t.Errorf("%+v", stats)
		}
	}
}

func TestOneInRIsSampledWhateverThePeriodOfTheKeys(t *testing.T) {
	s, clock := newHotSampler(t, func(opts *MemSamplerOptions, more *MoreOptions) {
		opts.HotKeysSampleRate = 16
		more.HotKeysSeries = HotKeysWrites
	})
	const rounds, period = 40_000, 8
	for range rounds {
		for i := range period {
			s.Observe(1, []byte{'a' + byte(i)}, OpWrite, 0, LabelS3)
			s.Observe(1, []byte{'r'}, OpRead, 0, LabelS3)
		}
	}
	published(t, s, clock)
	snapshot := s.HotKeysSnapshot(1, LabelS3)
	if snapshot == nil || len(snapshot.Entries) != period {
		t.Fatalf("%+v", snapshot)
	}
	sum := uint64(0)
	for _, one := range snapshot.Entries {
		sum += one.Count
		// Within six standard deviations of one in 16.
		if mean := float64(rounds) / 16; math.Abs(float64(one.Count)-mean) > 6*math.Sqrt(mean*15/16) {
			t.Errorf("%s: %d samples of %d observations", one.Key, one.Count, rounds)
		}
	}
	stats := s.Stats()
	if snapshot.SampledN != sum || snapshot.SampleRate != 16 || stats.HotKeysSampled != sum || stats.HotKeysRolled != rounds*period {
		t.Errorf("%d samples: %+v, %+v", sum, snapshot, stats)
	}
	if _, err := s.HotKeys(HotKeysQuery{RouteID: 1, Label: LabelS3, Series: SeriesReads}); !errors.Is(err, ErrNoSnapshot) {
		t.Errorf("reads are not tracked: %v", err)
	}
}

func TestAWindowEndsWhenItIsPublishedAtTheHostsTime(t *testing.T) {
	s, clock := newHotSampler(t, nil)
	if s.HotKeysSnapshot(1, LabelRedis) != nil {
		t.Error("nothing was published")
	}
	observeKeys(s, OpWrite, LabelRedis, "a", "b")
	if s.HotKeysSnapshot(1, LabelRedis) != nil {
		t.Error("the window is under way")
	}
	at := published(t, s, clock)
	first := s.HotKeysSnapshot(1, LabelRedis)
	if first == nil || first.RouteID != 1 || first.Label != LabelRedis || first.SampledN != 3 || first.SnapshotAt != at ||
		first.SampleRate != 1 || first.Capacity != DefaultHotKeysPerRoute {
		t.Fatalf("%+v", first)
	}
	if string(first.Entries[0].Key) != "b" || first.Entries[0].Count != 2 || string(first.Entries[1].Key) != "a" {
		t.Errorf("%v", first.Entries)
	}
	at = published(t, s, clock)
	if empty := s.HotKeysSnapshot(1, LabelRedis); empty == nil || len(empty.Entries) != 0 || empty.SampledN != 0 || empty.SnapshotAt != at {
		t.Errorf("no traffic is an empty snapshot: %+v", empty)
	}
	first.Entries[0].Key[0] = 'x'
	if s.HotKeysSnapshot(1, LabelS3) != nil || s.HotKeysSnapshot(2, LabelRedis) != nil {
		t.Error("a snapshot of what was never sampled")
	}
}

func TestLongKeysAreSkippedAndCounted(t *testing.T) {
	s, clock := newHotSampler(t, func(opts *MemSamplerOptions, _ *MoreOptions) {
		opts.HotKeysMaxKeyLen = 8
		opts.HotKeysSampleRate = 1024
	})
	const short = 50_000 // none of which is a sample once in 10^21 runs
	for i := range short {
		if i < 5000 {
			s.Observe(1, []byte("ninebytes"), OpWrite, 0, LabelSQS)
		}
		s.Observe(1, []byte("eight by"), OpWrite, 0, LabelSQS)
	}
	published(t, s, clock)
	snapshot := s.HotKeysSnapshot(1, LabelSQS)
	if snapshot == nil {
		t.Fatal("no sample")
	}
	if snapshot.SkippedLongKeys != 5000 || snapshot.DroppedSamples != 0 || len(snapshot.Entries) != 1 || string(snapshot.Entries[0].Key) != "eight by" {
		t.Errorf("%+v", snapshot)
	}
	reply, err := s.HotKeys(HotKeysQuery{RouteID: 1, Label: LabelSQS, Series: SeriesWrites})
	if err != nil || !reply.Info().Degraded || reply.Info().SkippedLongKeys != 5000 {
		t.Errorf("%v, %+v", err, reply.Info())
	}
	if stats := s.Stats(); stats.HotKeysSkipped != 5000 || stats.HotKeysRolled != short {
		t.Errorf("%+v", stats)
	}
}

// Most observations are no samples here: whatever they are, they count once, and are rolled for or not.
func TestWhatIsRolledForIsExactWhateverIsObserved(t *testing.T) {
	const own, narrow, folded, unknown = 1, 2, 3, 4
	for _, parts := range []int{1, 8} {
		for _, series := range []HotKeysSeries{HotKeysWrites, HotKeysReads, HotKeysBoth} {
			s, clock := newHotSampler(t, func(opts *MemSamplerOptions, more *MoreOptions) {
				opts.HotKeysSampleRate, opts.HotKeysMaxKeyLen, opts.KeyBucketsPerRoute = 16, 20, parts
				opts.MaxTrackedRoutes = 2
				more.HotKeysSeries = series
			})
			s.RegisterRoute(narrow, []byte("n"), []byte("n\x00"), 1)
			if s.RegisterRoute(folded, []byte("x"), nil, 1) {
				t.Fatal("the third route is folded")
			}
			random := rand.New(rand.NewPCG(uint64(parts), uint64(series)))
			all := append([]Label{LabelLegacy, "other"}, AllLabels[:]...)
			var want counts
			var rolled, skipped, missed uint64
			for range 50_000 {
				route, op, label := 1+random.Uint64N(4), Op(random.IntN(3)), all[random.IntN(len(all))]
				key, valueLen := bytes.Repeat([]byte{byte(random.Uint32())}, random.IntN(24)), random.IntN(100)-10
				s.Observe(route, key, op, valueLen, label)
				switch {
				case op > OpWrite:
				case route == unknown || label == "other" && route != folded:
					missed++
				default:
					want.bytes += uint64(len(key) + max(valueLen, 0))
					if op == OpRead {
						want.reads++
					} else {
						want.writes++
					}
					switch {
					case route == folded || series == HotKeysWrites && op == OpRead || series == HotKeysReads && op == OpWrite:
					case len(key) > 20:
						skipped++
					default:
						rolled++
					}
				}
			}
			published(t, s, clock)
			var got counts
			got.add(flushed(s, clock))
			if got != want {
				t.Errorf("K %d, %v: counted %+v, want %+v", parts, series, got, want)
			}
			stats := s.Stats()
			if stats.HotKeysRolled != rolled || stats.HotKeysSkipped != skipped || stats.Missed != missed {
				t.Errorf("K %d, %v: want %d rolled for, %d skipped and %d missed: %+v", parts, series, rolled, skipped, missed, stats)
			}
			sampled := uint64(0)
			for _, label := range all {
				for _, route := range []uint64{own, narrow} {
					for _, one := range []Series{SeriesReads, SeriesWrites} {
						if reply, err := s.HotKeys(HotKeysQuery{RouteID: route, Label: label, Series: one}); err == nil {
							sampled += reply.Info().SampledN
						}
					}
				}
			}
			if got := accounted(s, sampled); got != stats.HotKeysSampled {
				t.Errorf("K %d, %v: %d samples, and %d are accounted for", parts, series, stats.HotKeysSampled, got)
			}
			// Within six standard deviations of one in 16.
			if mean := float64(rolled) / 16; math.Abs(float64(sampled)-mean) > 6*math.Sqrt(mean*15/16) {
				t.Errorf("K %d, %v: %d samples of %d observations", parts, series, sampled, rolled)
			}
		}
	}
}

func TestOnlyRoutesWithSlotsOfTheirOwnHaveHotKeys(t *testing.T) {
	s, clock := newHotSampler(t, func(opts *MemSamplerOptions, _ *MoreOptions) { opts.MaxTrackedRoutes = 1 })
	if s.RegisterRoute(2, []byte("m"), nil, 1) {
		t.Fatal("route 2 is folded")
	}
	for range 100 {
		s.Observe(2, []byte("mm"), OpWrite, 0, LabelS3)
		s.Observe(2, bytes.Repeat([]byte("long"), 1000), OpWrite, 0, LabelS3)
		s.Observe(3, []byte("mm"), OpWrite, 0, LabelS3)
	}
	published(t, s, clock)
	if s.HotKeysSnapshot(2, LabelS3) != nil || s.HotKeysSnapshot(3, LabelS3) != nil {
		t.Error("a snapshot of a folded or an unknown route")
	}
	if stats := s.Stats(); stats.HotKeysRolled != 0 || stats.HotKeysSampled != 0 || stats.HotKeysSkipped != 0 || stats.Missed != 100 {
		t.Errorf("%+v", stats)
	}
}

func TestARemovedRouteTakesItsHotKeysAlong(t *testing.T) {
	s, clock := newHotSampler(t, nil)
	observeKeys(s, OpWrite, LabelS3, "a", "b")
	published(t, s, clock)
	observeKeys(s, OpWrite, LabelS3, "c", "d")
	s.RemoveRoute(1)
	if s.HotKeysSnapshot(1, LabelS3) != nil {
		t.Error("the snapshot outlives its route")
	}
	s.RegisterRoute(1, nil, nil, 1)
	observeKeys(s, OpWrite, LabelS3, "new")
	published(t, s, clock)
	if got := rawCounts(s.HotKeysSnapshot(1, LabelS3)); len(got) != 1 || got["new"] != 1 {
		t.Errorf("the new route's keys: %v", got)
	}
	if stats := s.Stats(); stats.HotKeysForgotten != 3 || stats.HotKeysSampled != 7 {
		t.Errorf("%+v", stats)
	}
}

// Every observation is rolled for, skipped, or missed with its route; every sample is published, or went with its route.
func TestNoSampleIsLostOrCountedTwice(t *testing.T) {
	const observers, each = 8, 50_000
	s, clock := newHotSampler(t, func(opts *MemSamplerOptions, _ *MoreOptions) { opts.HotKeysSampleRate = 4 })
	stop := make(chan struct{})
	var observing, beside sync.WaitGroup
	for n := range observers {
		observing.Add(1)
		go func() {
			defer observing.Done()
			key := []byte("key-0")
			for i := range each {
				key[4] = '0' + byte(i%10)
				s.Observe(1, key, OpWrite, 0, labels[n%labelCount])
			}
		}()
	}
	var sampled uint64
	take := func() {
		published(t, s, clock)
		for _, label := range labels {
			if snapshot := s.HotKeysSnapshot(1, label); snapshot != nil {
				sampled += snapshot.SampledN
			}
		}
	}
	beside.Add(1)
	go func() {
		defer beside.Done()
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				take()
			}
		}
	}()
	observing.Wait()
	close(stop)
	beside.Wait()
	take()
	stats := s.Stats()
	if stats.HotKeysRolled != observers*each || stats.HotKeysSampled != sampled || stats.HotKeysDropped != 0 {
		t.Errorf("%d samples were published: %+v", sampled, stats)
	}
	if mean := float64(observers*each) / 4; math.Abs(float64(sampled)-mean) > 6*math.Sqrt(mean*3/4) {
		t.Errorf("%d samples of %d observations", sampled, observers*each)
	}
}

func TestTheAggregatorPublishesEachStepAndOnceMore(t *testing.T) {
	s, _ := newHotSampler(t, func(opts *MemSamplerOptions, _ *MoreOptions) { opts.Step = 5 * time.Millisecond })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		RunHotKeysAggregator(ctx, s)
	}()
	observeKeys(s, OpWrite, LabelS3, "a")
	for s.HotKeysSnapshot(1, LabelS3) == nil {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done

	// A last partial window of a sampler whose step doesn't end.
	last, _ := newHotSampler(t, func(opts *MemSamplerOptions, _ *MoreOptions) { opts.Step = time.Hour })
	observeKeys(last, OpWrite, LabelS3, "z")
	RunHotKeysAggregator(ctx, last)
	if got := rawCounts(last.HotKeysSnapshot(1, LabelS3)); got["z"] != 1 {
		t.Errorf("the last window: %v", got)
	}

	// A tick at the same time doesn't publish an empty window after it.
	for range 30 {
		ticking, _ := newHotSampler(t, func(opts *MemSamplerOptions, _ *MoreOptions) { opts.Step = time.Nanosecond })
		observeKeys(ticking, OpWrite, LabelS3, "z")
		RunHotKeysAggregator(ctx, ticking)
		if got := rawCounts(ticking.HotKeysSnapshot(1, LabelS3)); got["z"] != 1 {
			t.Fatalf("the last window, which a tick ended, too: %v", got)
		}
	}
}

func TestAQuestionAboutHotKeysIsAnsweredOrRefused(t *testing.T) {
	s, clock := newHotSampler(t, func(opts *MemSamplerOptions, more *MoreOptions) {
		opts.KeyBucketsPerRoute = 2
		more.HotKeysInColumns = true
	})
	observeKeys(s, OpRead, LabelS3, "low", "\xffhigh", "\xf0")
	at := published(t, s, clock)
	s.Flush()
	column := s.Snapshot(time.Time{}, time.Time{})[0].At
	observeKeys(s, OpRead, LabelS3, "later")
	later := published(t, s, clock)

	query := HotKeysQuery{RouteID: 1, Label: LabelS3, Series: SeriesReads}
	keys := func(change func(*HotKeysQuery)) string {
		q := query
		change(&q)
		reply, err := s.HotKeys(q)
		if err != nil {
			return err.Error()
		}
		var names []string
		for _, one := range reply.Keys() {
			names = append(names, fmt.Sprintf("%s=%d", one.Key, one.Count))
		}
		return strings.Join(names, " ")
	}
	if got := keys(func(*HotKeysQuery) {}); got != "later=1" {
		t.Errorf("the newest window: %s", got)
	}
	if got := keys(func(q *HotKeysQuery) { q.Column = column }); got != "\xf0=3 \xffhigh=2 low=1" {
		t.Errorf("the column's: %s", got)
	}
	if got := keys(func(q *HotKeysQuery) { q.Column, q.Top = column, 1 }); got != "\xf0=3" {
		t.Errorf("the first: %s", got)
	}
	if got := keys(func(q *HotKeysQuery) { q.InSubBucket, q.SubBucket = true, 1 }); got != "" {
		t.Errorf("the upper half: %s", got)
	}
	if got := keys(func(q *HotKeysQuery) { q.From, q.To = later, later }); got != "later=1" {
		t.Errorf("of its own time: %s", got)
	}
	for _, c := range []struct {
		change func(*HotKeysQuery)
		err    error
	}{
		{func(q *HotKeysQuery) { q.RouteID = 2 }, ErrNoSnapshot},
		{func(q *HotKeysQuery) { q.Series = SeriesWrites }, ErrNoSnapshot},
		{func(q *HotKeysQuery) { q.Series = SeriesReadBytes }, ErrInvalidArgument},
		{func(q *HotKeysQuery) { q.Label = "other" }, ErrInvalidArgument},
		{func(q *HotKeysQuery) { q.Top = -1 }, ErrInvalidArgument},
		{func(q *HotKeysQuery) { q.InSubBucket, q.SubBucket = true, 2 }, ErrInvalidArgument},
		{func(q *HotKeysQuery) { q.InSubBucket, q.SubBucket = true, -1 }, ErrInvalidArgument},
		{func(q *HotKeysQuery) { q.From, q.To = later, at }, ErrInvalidArgument},
		{func(q *HotKeysQuery) { q.From = later.Add(time.Second) }, ErrOutOfSnapshotWindow},
		{func(q *HotKeysQuery) { q.To = at.Add(-time.Second) }, ErrOutOfSnapshotWindow},
		{func(q *HotKeysQuery) { q.Column = at.Add(1) }, ErrNoSnapshot},
	} {
		q := query
		c.change(&q)
		if _, err := s.HotKeys(q); !errors.Is(err, c.err) {
			t.Errorf("%+v: %v, want %v", q, err, c.err)
		}
	}
	off, _ := newTestSampler(t, MemSamplerOptions{})
	off.RegisterRoute(1, nil, nil, 1)
	off.Observe(1, []byte("a"), OpWrite, 0, LabelLegacy)
	if _, err := off.HotKeys(query); !errors.Is(err, ErrHotKeysOff) || !errors.Is(off.PublishHotKeys(), ErrHotKeysOff) || off.HotKeysSnapshot(1, "") != nil {
		t.Errorf("hot keys are off: %v", err)
	}
	var none *MemSampler
	if _, err := none.HotKeys(query); !errors.Is(err, ErrDisabled) || !errors.Is(none.PublishHotKeys(), ErrDisabled) {
		t.Errorf("no sampler: %v", err)
	}
}

func TestAQuestionIsReadFromAURL(t *testing.T) {
	got, err := ParseHotKeysQuery("route_id=18446744073709551615&label=s3&series=reads&sub_bucket=3&top=5000&from_unix_ms=1&to_unix_ms=2&x=y")
	want := HotKeysQuery{
		RouteID: math.MaxUint64, Label: LabelS3, Series: SeriesReads, InSubBucket: true, SubBucket: 3, Top: 1024,
		From: time.UnixMilli(1), To: time.UnixMilli(2),
	}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := ParseHotKeysQuery("route_id=1"); err != nil || got != (HotKeysQuery{RouteID: 1, Series: SeriesWrites, Top: got.Top}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, text := range []string{"", "route_id=x", "route_id=1&label=other", "route_id=1&top=0", "route_id=1&series=bytes", "route_id=1&sub_bucket=-1", "route_id=1&from_unix_ms=2&to_unix_ms=1"} {
		if _, err := ParseHotKeysQuery(text); !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTheHotKeysOfAClusterAddUp(t *testing.T) {
	ask := func(keys ...string) *HotKeys {
		s, clock := newHotSampler(t, nil)
		observeKeys(s, OpWrite, LabelRedis, keys...)
		published(t, s, clock)
		reply, err := s.HotKeys(HotKeysQuery{RouteID: 1, Label: LabelRedis, Series: SeriesWrites, Top: MaxHotKeysPerRoute})
		if err != nil {
			t.Fatal(err)
		}
		text, err := reply.JSON()
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := ParseHotKeysJSON(text, 0)
		if err != nil || !slices.EqualFunc(parsed.Keys(), reply.Keys(), func(a, b HotKey) bool {
			return bytes.Equal(a.Key, b.Key) && a.Count == b.Count && a.CountLow == b.CountLow && a.CountHigh == b.CountHigh
		}) {
			t.Fatalf("%v in %s", err, text)
		}
		return parsed
	}
	// "second" is second on both nodes, and first in sum.
	one, two := ask("a", "b", "second", "one"), ask("c", "d", "second", "two")
	sources := []HotKeysSource{{Node: "n1", HotKeys: one}, {Node: "n2", HotKeys: two}, {Node: "n3"}}
	merged, err := MergeHotKeys(sources, 1)
	if err != nil {
		t.Fatal(err)
	}
	info := merged.Info()
	if keys := merged.Keys(); len(keys) != 1 || string(keys[0].Key) != "second" || keys[0].Count != 6 || info.SampledN != 20 || info.Degraded {
		t.Errorf("%v, %+v", keys, info)
	}
	sources = append(sources, HotKeysSource{Node: "n4", Err: errors.New("gone away")})
	if merged, err = MergeHotKeys(sources, 0); err != nil || !merged.Info().Degraded || len(merged.Keys()) != 7 {
		t.Errorf("a node did not answer: %v, %+v", err, merged.Info())
	}
	if text, err := merged.JSON(); err != nil || !strings.Contains(string(text), "gone away") {
		t.Errorf("%v: %s", err, text)
	}
	if _, err := MergeHotKeys(sources[2:], 0); !errors.Is(err, ErrNoSnapshot) {
		t.Errorf("nobody has a reply: %v", err)
	}
	if _, err := ParseHotKeysJSON([]byte(`{"route_id":`), 0); !errors.Is(err, ErrMalformed) {
		t.Errorf("half a reply: %v", err)
	}
	if _, err := ParseHotKeysJSON(make([]byte, 100), 99); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too long: %v", err)
	}
	one.Close()
	if _, err := MergeHotKeys(sources, 0); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed reply: %v", err)
	}
	if _, err := one.JSON(); !errors.Is(err, ErrClosed) || one.Keys() != nil || one.Info() != (HotKeysInfo{}) {
		t.Errorf("a closed reply: %v", err)
	}
}

// accounted tells what of the samples is in snapshots that were published, dropped or forgotten.
func accounted(s *MemSampler, publishedSamples uint64) uint64 {
	stats := s.Stats()
	return publishedSamples + stats.HotKeysDropped + stats.HotKeysForgotten
}

func TestEverySampleIsAccountedForWhileRoutesComeAndGo(t *testing.T) {
	const routes, goroutines, each = 4, 8, 20_000
	for _, rate := range []int{1, 16} {
		s, clock := newHotSampler(t, func(opts *MemSamplerOptions, _ *MoreOptions) { opts.HotKeysSampleRate = rate })
		for id := uint64(2); id <= routes; id++ {
			s.RegisterRoute(id, nil, nil, 1)
		}
		sum := uint64(0)
		publish := func() {
			published(t, s, clock)
			for id := uint64(1); id <= routes; id++ {
				if snapshot := s.HotKeysSnapshot(id, LabelS3); snapshot != nil {
					sum += snapshot.SampledN
				}
			}
		}
		var observing sync.WaitGroup
		for n := range goroutines {
			observing.Add(1)
			go func() {
				defer observing.Done()
				for i := range each {
					s.Observe(1+uint64(i+n)%routes, fmt.Appendf(nil, "key-%03d", i%300), OpWrite, 0, LabelS3)
				}
			}()
		}
		done := make(chan struct{})
		go func() { observing.Wait(); close(done) }()
		for step, running := uint64(0), true; running; step++ {
			select {
			case <-done:
				running = false
			default:
			}
			id := 1 + step%routes
			s.RemoveRoute(id)
			if step%3 == 0 {
				publish()
			}
			s.RegisterRoute(id, nil, nil, 1)
		}
		publish()
		stats := s.Stats()
		if got := accounted(s, sum); got != stats.HotKeysSampled {
			t.Errorf("1 in %d: %d samples, and %d are accounted for: %+v", rate, stats.HotKeysSampled, got, stats)
		}
		if stats.HotKeysRolled+stats.Missed != goroutines*each {
			t.Errorf("1 in %d: %d observations were rolled for and %d missed, of %d", rate, stats.HotKeysRolled, stats.Missed, goroutines*each)
		}
	}
}

func TestASampleThatCrossesAfterItsRouteWasRemovedIsForgottenAndNotLost(t *testing.T) {
	s, clock := newHotSampler(t, nil)
	c := s.core.Load()
	if c.sampling == nil {
		t.Skip("this build counts in the library")
	}
	stage := c.shared.stage()
	if !c.sampling.sampleShared(stage, placeDirect, OpWrite, 1) {
		t.Fatal("one in one is sampled")
	}
	s.RemoveRoute(1)
	c.handOver(handoverSample, nil, 1, []byte("k"), OpWrite, numberS3)
	published(t, s, clock)
	if stats := s.Stats(); stats.HotKeysSampled != 1 || stats.HotKeysForgotten != 1 || stats.HotKeysDropped != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestAStageTakesSamplesUntilItIsFullAndBeginsAgainWhenItIsEmpty(t *testing.T) {
	s := &sampling{series: 1 << OpWrite, longest: 4096, rate: 1}
	stage := &stage{left: 1}
	for i := range stage.gaps {
		stage.gaps[i] = 1
	}
	for i := range stageSlots {
		want := handoverNone
		if i+1 >= stageBatch {
			want = handoverBatch
		}
		if got := s.sample(stage, placeDirect, uint64(i), fmt.Appendf(nil, "key%d", i), OpWrite, numberS3); got != want {
			t.Fatalf("sample %d: %d, want %d", i, got, want)
		}
	}
	for i, slot := range stage.slots {
		key := string(stage.keys[slot.keyAt:][:slot.keyLen])
		if slot.routeID != uint64(i) || key != fmt.Sprintf("key%d", i) || slot.sketch != numberS3<<1|uint32(OpWrite) {
			t.Errorf("slot %d: %+v, %s", i, slot, key)
		}
	}
	if got := s.sample(stage, placeDirect, 1, []byte("one more"), OpWrite, numberS3); got != handoverSample || stage.left != 0 {
		t.Errorf("%d, %d", got, stage.left)
	}
	// Each observation is rolled for, until a sample finds room.
	stage.head = stage.tail
	if got := s.sample(stage, placeDirect, 1, bytes.Repeat([]byte{'k'}, stageKeyBytes), OpWrite, numberS3); got != handoverNone || stage.filled != stageKeyBytes {
		t.Errorf("%d, %d bytes", got, stage.filled)
	}
	if got := s.sample(stage, placeDirect, 1, []byte{'k'}, OpWrite, numberS3); got != handoverSample {
		t.Errorf("%d: the keys have no room", got)
	}
	if stage.sampled != stageSlots+3 || stage.drawn-uint64(stage.left) != stageSlots+2 {
		t.Errorf("%d samples, %d rolled for", stage.sampled, stage.drawn-uint64(stage.left))
	}
}
