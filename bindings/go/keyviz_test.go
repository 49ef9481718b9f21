//go:build cgo

package keyviz

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeClock is a clock that tests move.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func newFakeClock() *fakeClock {
	return &fakeClock{now: time.Date(2024, 2, 29, 12, 0, 0, 123456789, time.FixedZone("here", 3600))}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

func newTestSampler(t testing.TB, opts MemSamplerOptions) (*MemSampler, *fakeClock) {
	t.Helper()
	clock := newFakeClock()
	if opts.Now == nil {
		opts.Now = clock.Now
	}
	s := NewMemSampler(opts)
	if err := Ready(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, clock
}

func flushed(s *MemSampler, clock *fakeClock) MatrixColumn {
	clock.Advance(s.Step())
	s.Flush()
	columns := s.Snapshot(time.Time{}, time.Time{})
	return columns[len(columns)-1]
}

// crossAlways makes every observation one call of the library.
func (c *core) crossAlways() {
	c.table = nil
	c.labels.clear()
}

func TestTheBuildCountsAsItSays(t *testing.T) {
	s, _ := newTestSampler(t, MemSamplerOptions{})
	if inPlace := s.core.Load().table != nil; inPlace != countsInPlace {
		t.Errorf("counts in place: %v, and this build should: %v (is the library's hot layout another one?)", inPlace, countsInPlace)
	}
}

func TestEveryObservationIsInTheRowOfItsRouteAndLabel(t *testing.T) {
	s, clock := newTestSampler(t, MemSamplerOptions{KeyVizLabelsEnabled: true})
	if !s.RegisterRoute(7, []byte("a"), []byte("m"), 3) || !s.RegisterRoute(8, []byte("m"), nil, 4) {
		t.Fatal("both have slots of their own")
	}
	s.SetLeaderTerm(3, 12)
	s.SetLeaderTerm(0, 99)
	all := append([]Label{LabelLegacy}, AllLabels[:]...)
	for i, label := range all {
		for range i + 1 {
			s.Observe(7, []byte("key"), OpRead, 100, label)
			s.Observe(7, []byte("key"), OpWrite, -5, label)
		}
	}
	s.Observe(8, nil, OpWrite, 10, LabelS3)
	s.Observe(8, nil, Op(2), 10, LabelS3)
	s.Observe(9, nil, OpWrite, 10, LabelS3)
	column := flushed(s, clock)

	var want []MatrixRow
	for _, label := range []Label{"", "dynamo", "rawkv", "redis", "s3", "sqs"} { // rows are in this order
		n := uint64(0)
		for i, known := range all {
			if known == label {
				n = uint64(i + 1)
			}
		}
		want = append(want, MatrixRow{
			RouteID: 7, Label: label, Start: []byte("a"), End: []byte("m"), MemberRoutesTotal: 1, RaftGroupID: 3,
			LeaderTerm: 12, SubBucketCount: 1, Reads: n, Writes: n, ReadBytes: 103 * n, WriteBytes: 3 * n,
		})
	}
	want = append(want, MatrixRow{
		RouteID: 8, Label: LabelS3, Start: []byte("m"), MemberRoutesTotal: 1, RaftGroupID: 4, SubBucketCount: 1,
		Writes: 1, WriteBytes: 10,
	})
	if !reflect.DeepEqual(column.Rows, want) {
		t.Errorf("rows\n%+v\nwant\n%+v", column.Rows, want)
	}
	if missed := s.Stats().Missed; missed != 1 {
		t.Errorf("missed %d, want the one of route 9", missed)
	}
}

func TestLabelsOffCountEverythingAsLegacy(t *testing.T) {
	s, clock := newTestSampler(t, MemSamplerOptions{})
	s.RegisterRoute(1, nil, nil, 0)
	for _, label := range []Label{LabelLegacy, LabelRedis, LabelSQS, "memcached"} {
		s.Observe(1, []byte("k"), OpRead, 1, label)
	}
	rows := flushed(s, clock).Rows
	if len(rows) != 1 || rows[0].Label != LabelLegacy || rows[0].Reads != 4 || rows[0].ReadBytes != 8 {
		t.Errorf("rows %+v", rows)
	}
	if rows[0].Start != nil || rows[0].End != nil || rows[0].MemberRoutes != nil {
		t.Errorf("empty bounds and members aren't nil: %+v", rows[0])
	}
	if slots := s.Stats().Slots; slots != 1 {
		t.Errorf("%d slots, want 1", slots)
	}
}

func TestAnUnknownLabelCountsOnlyInVirtualBuckets(t *testing.T) {
	for _, k := range []int{1, 4} {
		s, clock := newTestSampler(t, MemSamplerOptions{KeyVizLabelsEnabled: true, MaxTrackedRoutes: 1, KeyBucketsPerRoute: k})
		s.RegisterRoute(1, nil, []byte("m"), 0)
		if s.RegisterRoute(2, []byte("m"), nil, 0) {
			t.Fatal("the second route is past the cap")
		}
		for _, label := range []Label{"memcached", "redi", "redis2", "xyz", "q", "rawka"} {
			s.Observe(1, []byte("k"), OpRead, 1, label)
			s.Observe(2, []byte("k"), OpRead, 1, label)
		}
		rows := flushed(s, clock).Rows
		if len(rows) != 1 || !rows[0].Aggregate || rows[0].Label != LabelLegacy || rows[0].Reads != 6 {
			t.Errorf("K %d: rows %+v", k, rows)
		}
		if missed := s.Stats().Missed; missed != 6 {
			t.Errorf("K %d: missed %d, want 6", k, missed)
		}
	}
}

func TestALabelIsItsContent(t *testing.T) {
	for number, label := range labels {
		made := Label(strings.Clone(string(label)))
		if label.number() != uint32(number) || made.number() != uint32(number) {
			t.Errorf("%q: %d and %d, want %d", label, label.number(), made.number(), number)
		}
		if label != "" && label[:len(label)-1].number() != numberUnknown {
			t.Errorf("%q is no label", label[:len(label)-1])
		}
	}
}

func TestOptionsAreClamped(t *testing.T) {
	s, _ := newTestSampler(t, MemSamplerOptions{Step: -1, HistoryColumns: -5, HotKeysSampleRate: -1})
	if s.Step() != DefaultStep || s.HistoryColumns() != DefaultHistoryColumns {
		t.Errorf("step %v, columns %d", s.Step(), s.HistoryColumns())
	}
	if on, capacity, rate, keyLen := s.HotKeysOptions(); on || capacity != 64 || rate != 16 || keyLen != 1024 {
		t.Errorf("hot keys %v %d %d %d", on, capacity, rate, keyLen)
	}
	s, _ = newTestSampler(t, MemSamplerOptions{
		Step: time.Second, HistoryColumns: 1 << 40, KeyBucketsPerRoute: 1 << 40, MaxTrackedRoutes: 1 << 40,
		MaxMemberRoutesPerSlot: 1 << 40, HotKeysEnabled: true, HotKeysPerRoute: 1 << 20, HotKeysSampleRate: 1 << 20,
		HotKeysQueueSize: 1 << 20, HotKeysMaxKeyLen: 1 << 20,
	})
	if s.Step() != time.Second || s.HistoryColumns() != MaxHistoryColumns {
		t.Errorf("step %v, columns %d", s.Step(), s.HistoryColumns())
	}
	if on, capacity, rate, keyLen := s.HotKeysOptions(); !on || capacity != MaxHotKeysPerRoute ||
		rate != MaxHotKeysSampleRate || keyLen != MaxHotKeysMaxKeyLen {
		t.Errorf("hot keys %v %d %d %d", on, capacity, rate, keyLen)
	}
	s.RegisterRoute(1, nil, nil, 0)
	if _, _, ok := s.SubBucketBoundsFor(1, LabelLegacy, MaxKeyBucketsPerRoute-1); !ok {
		t.Error("K is not at its cap")
	}
}

func TestColumnsAreContiguousAndCarryTheTimesThatNowGave(t *testing.T) {
	s, clock := newTestSampler(t, MemSamplerOptions{HistoryColumns: 4, Step: time.Second})
	made := clock.Now()
	s.RegisterRoute(1, nil, nil, 0)
	ats := []time.Time{made}
	for i := range 7 {
		for range i {
			s.Observe(1, nil, OpRead, 0, LabelLegacy)
		}
		ats = append(ats, clock.Advance(time.Duration(i+1)*time.Millisecond+time.Nanosecond))
		s.Flush()
	}
	columns := s.Snapshot(time.Time{}, time.Time{})
	if len(columns) != 4 {
		t.Fatalf("%d columns, want the newest 4", len(columns))
	}
	for i, column := range columns {
		if n := i + 3; column.WindowStart != ats[n] || column.At != ats[n+1] || column.Rows[0].Reads != uint64(n) {
			t.Errorf("column %d: %+v", i, column)
		}
	}
	some := s.Snapshot(ats[5], ats[7])
	if len(some) != 2 || some[0].At != ats[5] || some[1].At != ats[6] {
		t.Errorf("from is in, to is out: %+v", some)
	}
	if none := s.Snapshot(ats[7].Add(1), time.Time{}); len(none) != 0 {
		t.Errorf("columns of the future: %+v", none)
	}
}

func TestAClockThatStandsOrGoesBackGivesAColumnOfOneStep(t *testing.T) {
	s, clock := newTestSampler(t, MemSamplerOptions{Step: time.Minute})
	start := clock.Now()
	s.Flush()
	back := clock.Advance(-time.Hour)
	s.Flush()
	on := clock.Advance(time.Second)
	s.Flush()
	columns := s.Snapshot(time.Time{}, time.Time{})
	want := []MatrixColumn{
		{WindowStart: start.Add(-time.Minute), At: start},
		{WindowStart: back.Add(-time.Minute), At: back},
		{WindowStart: back, At: on},
	}
	if !reflect.DeepEqual(columns, want) {
		t.Errorf("columns\n%v\nwant\n%v", columns, want)
	}
}

func TestTheFirstWindowBeginsWhenTheSamplerIsMade(t *testing.T) {
	for _, now := range []time.Time{{}, time.Unix(0, 0), time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC), time.Now()} {
		clock := &fakeClock{now: now}
		s, _ := newTestSampler(t, MemSamplerOptions{Step: time.Second, Now: clock.Now})
		s.RegisterRoute(1, nil, nil, 0)
		s.Observe(1, nil, OpRead, 0, LabelLegacy)
		s.RemoveRoute(1)
		at := clock.Advance(time.Second)
		s.Flush()
		if columns := s.Snapshot(time.Time{}, time.Time{}); len(columns) != 1 || columns[0].WindowStart != now || columns[0].At != at {
			t.Errorf("%v: %+v", now, columns)
		}
		if retired := s.Stats().Retired; retired != 1 {
			t.Errorf("%v: grace is over at once", now)
		}
		clock.Advance(5 * time.Second)
		s.Flush()
		if retired := s.Stats().Retired; retired != 0 {
			t.Errorf("%v: grace never ends", now)
		}
	}
}

func TestASnapshotIsACopy(t *testing.T) {
	s, clock := newTestSampler(t, MemSamplerOptions{KeyVizLabelsEnabled: true, MaxTrackedRoutes: 1})
	s.RegisterRoute(1, []byte("aaaa"), []byte("bbbb"), 0)
	s.RegisterRoute(2, []byte("bbbb"), []byte("cccc"), 0)
	for _, id := range []uint64{1, 2} {
		s.Observe(id, nil, OpRead, 0, LabelRedis)
		s.Observe(id, nil, OpRead, 0, LabelS3)
	}
	before := flushed(s, clock)
	changed := s.Snapshot(time.Time{}, time.Time{})[0]
	row := changed.Rows[0]
	_ = append(row.Start, "xxxxxxxxxxxxxxx"...)
	copy(row.Start, "zzzz")
	copy(row.End, "zzzz")
	if string(changed.Rows[1].Start) != "aaaa" || string(changed.Rows[1].End) != "bbbb" {
		t.Errorf("rows share memory: %+v", changed.Rows)
	}
	if again := s.Snapshot(time.Time{}, time.Time{})[0]; !reflect.DeepEqual(again, before) {
		t.Errorf("the history changed: %+v", again)
	}
}

func TestARouteStaysAsItWasRegistered(t *testing.T) {
	s, clock := newTestSampler(t, MemSamplerOptions{})
	s.RegisterRoute(1, []byte("a"), []byte("b"), 1)
	if !s.RegisterRoute(1, []byte("x"), []byte("y"), 2) {
		t.Error("it still has slots of its own")
	}
	s.Observe(1, nil, OpRead, 0, LabelLegacy)
	if row := flushed(s, clock).Rows[0]; string(row.Start) != "a" || row.RaftGroupID != 1 {
		t.Errorf("row %+v", row)
	}
}

func TestAnInvertedRangeIsTakenAndNeverDivided(t *testing.T) {
	s, clock := newTestSampler(t, MemSamplerOptions{KeyBucketsPerRoute: 8})
	if !s.RegisterRoute(1, []byte("z"), []byte("a"), 0) || !s.RegisterRoute(2, []byte("k"), []byte("k"), 0) {
		t.Fatal("refused")
	}
	s.Observe(1, []byte("m"), OpRead, 0, LabelLegacy)
	s.Observe(2, []byte("m"), OpRead, 0, LabelLegacy)
	for _, row := range flushed(s, clock).Rows {
		if row.SubBucketCount != 1 || len(row.Start) == 0 || len(row.End) == 0 {
			t.Errorf("row %+v", row)
		}
	}
}

func TestARouteThatComesBackWithinGraceIsOneRow(t *testing.T) {
	s, clock := newTestSampler(t, MemSamplerOptions{KeyVizLabelsEnabled: true, Step: time.Second})
	s.RegisterRoute(1, []byte("a"), []byte("b"), 1)
	s.Observe(1, nil, OpRead, 0, LabelRedis)
	s.RemoveRoute(1)
	s.Observe(1, nil, OpRead, 0, LabelRedis) // missed
	s.RemoveRoute(99)
	if !s.RegisterRoute(1, []byte("c"), []byte("d"), 2) {
		t.Fatal("it has a slot of its own")
	}
	s.Observe(1, nil, OpRead, 0, LabelRedis)
	s.Observe(1, nil, OpRead, 0, LabelS3)
	rows := flushed(s, clock).Rows
	if len(rows) != 2 || rows[0].Reads != 2 || rows[0].Label != LabelRedis || string(rows[0].Start) != "c" ||
		rows[0].RaftGroupID != 2 || rows[1].Reads != 1 {
		t.Errorf("rows %+v", rows)
	}
	s.Observe(1, nil, OpRead, 0, LabelRedis)
	s.RemoveRoute(1)
	if rows := flushed(s, clock).Rows; len(rows) != 1 || rows[0].Reads != 1 {
		t.Errorf("what a removed route counted is flushed: %+v", rows)
	}
	clock.Advance(6 * time.Second)
	s.Flush()
	if stats := s.Stats(); stats.Retired != 0 || stats.Routes != 0 || stats.Missed != 1 {
		t.Errorf("stats %+v", stats)
	}
}

func TestRoutesPastTheCapFoldAndTheirTotalStaysExact(t *testing.T) {
	s, clock := newTestSampler(t, MemSamplerOptions{
		KeyVizLabelsEnabled: true, MaxTrackedRoutes: 2, MaxMemberRoutesPerSlot: 3, Step: time.Second,
	})
	var routes []Route
	for id := uint64(1); id <= 8; id++ {
		routes = append(routes, Route{RouteID: id, Start: fmt.Appendf(nil, "%d", id), End: fmt.Appendf(nil, "%d", id+1)})
	}
	if got := s.RegisterRoutes(routes); !reflect.DeepEqual(got, []bool{true, true, false, false, false, false, false, false}) {
		t.Fatalf("individual: %v", got)
	}
	for id := uint64(1); id <= 8; id++ {
		s.Observe(id, nil, OpWrite, 1, LabelRedis)
	}
	rows := flushed(s, clock).Rows
	bucket := rows[len(rows)-1]
	want := MatrixRow{
		RouteID: ^uint64(0), Start: []byte("3"), End: []byte("9"), Aggregate: true, MemberRoutes: []uint64{3, 4, 5},
		MemberRoutesTotal: 6, SubBucketCount: 1, Writes: 6, WriteBytes: 6,
	}
	if len(rows) != 3 || !reflect.DeepEqual(bucket, want) {
		t.Fatalf("bucket %+v\nwant   %+v", bucket, want)
	}
	s.RemoveRoute(8)
	s.RemoveRoute(3)
	if s.RegisterRoute(8, []byte("8"), []byte("9"), 0) {
		t.Error("8 folds again")
	}
	clock.Advance(10 * time.Second)
	s.Flush()
	s.Observe(8, nil, OpWrite, 1, LabelRedis)
	rows = flushed(s, clock).Rows
	if len(rows) != 1 || rows[0].MemberRoutesTotal != 5 {
		t.Errorf("rows %+v", rows)
	}
	if stats := s.Stats(); stats.VirtualBuckets != 1 || stats.VirtualMembers != 5 || stats.Routes != 7 {
		t.Errorf("stats %+v", stats)
	}
	events := s.PollEvents()
	if len(events) != 7 || events[0].Kind != EventBucketCreated || events[1].Kind != EventRouteFolded ||
		events[0].RouteID != 3 || events[0].BucketID != ^uint64(0) || events[0].MaxTrackedRoutes != 2 || events[0].SlotsUsed != 2 {
		t.Errorf("events %+v", events)
	}
	if rest := s.PollEvents(); len(rest) != 0 {
		t.Errorf("events are told once: %+v", rest)
	}
}

func TestEventsGoIntoALog(t *testing.T) {
	s, _ := newTestSampler(t, MemSamplerOptions{MaxTrackedRoutes: 1})
	s.RegisterRoute(1, nil, nil, 0)
	s.RegisterRoute(2, nil, nil, 0)
	var log strings.Builder
	s.LogEvents(context.Background(), slog.New(slog.NewTextHandler(&log, nil)))
	for _, part := range []string{"level=WARN", "event.kind=bucket_created", "event.route_id=2", "event.max_tracked_routes=1"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("no %q in %q", part, log.String())
		}
	}
}

func TestSplitAndMerge(t *testing.T) {
	s, clock := newTestSampler(t, MemSamplerOptions{})
	s.RegisterRoute(1, nil, nil, 5)
	individual, err := s.ApplySplit(1, []Route{{RouteID: 2, GroupID: 5, End: []byte("m")}, {RouteID: 3, GroupID: 5, Start: []byte("m")}})
	if err != nil || !reflect.DeepEqual(individual, []bool{true, true}) {
		t.Fatal(individual, err)
	}
	s.Observe(2, nil, OpRead, 0, LabelLegacy)
	s.Observe(3, nil, OpRead, 0, LabelLegacy)
	rows := flushed(s, clock).Rows
	if len(rows) != 2 || rows[0].RouteID != 2 || rows[1].RouteID != 3 {
		t.Errorf("rows %+v", rows)
	}
	if one, err := s.ApplyMerge([]uint64{2, 3}, Route{RouteID: 4, GroupID: 5}); err != nil || !one {
		t.Fatal(one, err)
	}
	s.Observe(4, nil, OpRead, 0, LabelLegacy)
	flushed(s, clock)
	want := map[uint64][]uint64{2: {1}, 3: {1}, 4: {2, 3}}
	if lineage := s.Lineage(time.Time{}, time.Time{}); !reflect.DeepEqual(lineage, want) {
		t.Errorf("lineage %v, want %v", lineage, want)
	}
	if _, err := s.ApplySplit(77, []Route{{RouteID: 78}}); !errors.Is(err, ErrUnknownRoute) {
		t.Error(err)
	}
	s.RegisterRoute(5, nil, nil, 0)
	if _, err := s.ApplyMerge([]uint64{4}, Route{RouteID: 5}); !errors.Is(err, ErrRouteExists) {
		t.Error(err)
	}
	if _, err := s.ApplyMerge(nil, Route{RouteID: 6}); err == nil {
		t.Error("a merge of nothing")
	}
	if _, err := s.ApplySplit(4, nil); err == nil {
		t.Error("a split into nothing")
	}
}

func TestBoundsOfSubBucketsTileTheRoute(t *testing.T) {
	s, clock := newTestSampler(t, MemSamplerOptions{KeyBucketsPerRoute: 4, KeyVizLabelsEnabled: true, MaxTrackedRoutes: 2})
	start, end := []byte("user/0000000000"), []byte("user/9")
	s.RegisterRoute(1, start, end, 0)
	s.RegisterRoute(2, nil, nil, 0)
	s.RegisterRoute(3, nil, nil, 0)
	lo := start
	for i := range 4 {
		from, to, ok := s.SubBucketBoundsFor(1, LabelRedis, i)
		if !ok || !reflect.DeepEqual(from, lo) {
			t.Fatalf("part %d is [%q, %q), %v, and the one before ends at %q", i, from, to, ok, lo)
		}
		s.Observe(1, from, OpWrite, 0, LabelRedis)
		lo = to
	}
	if !reflect.DeepEqual(lo, end) {
		t.Errorf("the last part ends at %q", lo)
	}
	for i, row := range flushed(s, clock).Rows {
		if row.SubBucket != i || row.SubBucketCount != 4 || row.Writes != 1 {
			t.Errorf("row %+v", row)
		}
	}
	if from, to, ok := s.SubBucketBoundsFor(2, LabelLegacy, 3); !ok || from == nil || to != nil {
		t.Errorf("[%q, %q), %v: the last part of an unbounded route", from, to, ok)
	}
	if from, _, ok := s.SubBucketBoundsFor(2, LabelLegacy, 0); !ok || from != nil {
		t.Errorf("%q, %v: an empty start is nil", from, ok)
	}
	for _, bad := range []struct {
		route uint64
		label Label
		part  int
	}{{1, LabelRedis, 4}, {1, LabelRedis, -1}, {1, "memcached", 0}, {3, LabelRedis, 0}, {4, LabelRedis, 0}, {1, LabelRedis, 1 << 40}} {
		if _, _, ok := s.SubBucketBoundsFor(bad.route, bad.label, bad.part); ok {
			t.Errorf("%+v has no bounds", bad)
		}
	}
	long := []byte(strings.Repeat("k", 1000))
	s, _ = newTestSampler(t, MemSamplerOptions{})
	s.RegisterRoute(1, long, append(long[:999:999], 'l'), 0)
	if from, to, ok := s.SubBucketBoundsFor(1, LabelLegacy, 0); !ok || len(from) != 1000 || len(to) != 1000 {
		t.Errorf("%d and %d bytes, %v", len(from), len(to), ok)
	}
}

func TestNilIsASamplerThatIsOff(t *testing.T) {
	closed, _ := newTestSampler(t, MemSamplerOptions{Step: time.Second, HistoryColumns: 3, HotKeysEnabled: true})
	closed.RegisterRoute(1, nil, nil, 0)
	closed.Observe(1, nil, OpRead, 0, LabelLegacy)
	closed.Flush()
	closed.Close()
	closed.Close()
	for name, s := range map[string]*MemSampler{"nil": nil, "closed": closed} {
		var i Sampler = s
		i.Observe(1, []byte("k"), OpRead, 1, LabelRedis)
		if s.RegisterRoute(1, nil, nil, 0) || len(s.RegisterRoutes(make([]Route, 2))) != 2 {
			t.Error(name, "registers")
		}
		s.RemoveRoute(1)
		s.SetLeaderTerm(1, 1)
		s.Flush()
		if s.Snapshot(time.Time{}, time.Time{}) != nil || s.HotKeysSnapshot(1, LabelRedis) != nil || s.Lineage(time.Time{}, time.Time{}) != nil {
			t.Error(name, "has data")
		}
		if s.Step() != DefaultStep || s.HistoryColumns() != DefaultHistoryColumns {
			t.Error(name, "has options")
		}
		if on, a, b, c := s.HotKeysOptions(); on || a != 0 || b != 0 || c != 0 {
			t.Error(name, "has hot keys")
		}
		if lo, hi, ok := s.SubBucketBoundsFor(1, LabelRedis, 0); lo != nil || hi != nil || ok {
			t.Error(name, "has bounds")
		}
		if _, err := s.ApplySplit(1, nil); err != nil {
			t.Error(name, err)
		}
		if _, err := s.ApplyMerge([]uint64{1}, Route{}); err != nil {
			t.Error(name, err)
		}
		if s.Stats() != (Stats{}) || s.PollEvents() != nil {
			t.Error(name, "has statistics")
		}
		s.LogEvents(context.Background(), slog.Default())
		s.Close()
	}
}

func TestRunnersEndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s, _ := newTestSampler(t, MemSamplerOptions{Step: time.Millisecond, Now: time.Now})
	var all sync.WaitGroup
	for _, run := range []func(){
		func() { RunFlusher(ctx, s, 2*time.Millisecond) },
		func() { RunFlusher(ctx, s, 0) },
		func() { RunFlusher(ctx, nil, time.Millisecond) },
		func() { RunFlusher(ctx, nil, 0) },
		func() { RunHotKeysAggregator(ctx, s) },
		func() { RunHotKeysAggregator(ctx, nil) },
	} {
		all.Add(1)
		go func() { defer all.Done(); run() }()
	}
	for len(s.Snapshot(time.Time{}, time.Time{})) < 4 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	all.Wait()
	columns := len(s.Snapshot(time.Time{}, time.Time{}))
	time.Sleep(5 * time.Millisecond)
	if after := len(s.Snapshot(time.Time{}, time.Time{})); after != columns {
		t.Errorf("%d columns, then %d", columns, after)
	}
	RunFlusher(ctx, s, time.Nanosecond)
	if after := len(s.Snapshot(time.Time{}, time.Time{})); after != columns {
		t.Error("flushed after its context was done")
	}
}
