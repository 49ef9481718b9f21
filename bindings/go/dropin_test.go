//go:build cgo

package keyviz_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

// These are the tests of a host that had a sampler of its own: they see the package from outside, use the interface that
// it took over and nothing else, and hold in every build.

// KEYVIZ_TEST_GC makes the garbage collector run all the time.
func TestMain(m *testing.M) {
	if os.Getenv("KEYVIZ_TEST_GC") != "" {
		go func() {
			for {
				runtime.GC()
				runtime.Gosched()
			}
		}()
	}
	os.Exit(m.Run())
}

// Every function has exactly this type.
var (
	_ func(keyviz.MemSamplerOptions) *keyviz.MemSampler                            = keyviz.NewMemSampler
	_ func(*keyviz.MemSampler, uint64, []byte, keyviz.Op, int, keyviz.Label)       = (*keyviz.MemSampler).Observe
	_ func(*keyviz.MemSampler, uint64, []byte, []byte, uint64) bool                = (*keyviz.MemSampler).RegisterRoute
	_ func(*keyviz.MemSampler, uint64)                                             = (*keyviz.MemSampler).RemoveRoute
	_ func(*keyviz.MemSampler, uint64, uint64)                                     = (*keyviz.MemSampler).SetLeaderTerm
	_ func(*keyviz.MemSampler)                                                     = (*keyviz.MemSampler).Flush
	_ func(*keyviz.MemSampler, time.Time, time.Time) []keyviz.MatrixColumn         = (*keyviz.MemSampler).Snapshot
	_ func(*keyviz.MemSampler) time.Duration                                       = (*keyviz.MemSampler).Step
	_ func(*keyviz.MemSampler) int                                                 = (*keyviz.MemSampler).HistoryColumns
	_ func(*keyviz.MemSampler) (bool, int, int, int)                               = (*keyviz.MemSampler).HotKeysOptions
	_ func(*keyviz.MemSampler, uint64, keyviz.Label) *keyviz.KeyvizHotKeysSnapshot = (*keyviz.MemSampler).HotKeysSnapshot
	_ func(*keyviz.MemSampler, uint64, keyviz.Label, int) (lo, hi []byte, ok bool) = (*keyviz.MemSampler).SubBucketBoundsFor
	_ func(*keyviz.MemSampler)                                                     = (*keyviz.MemSampler).Close
	_ func(context.Context, *keyviz.MemSampler, time.Duration)                     = keyviz.RunFlusher
	_ func(context.Context, *keyviz.MemSampler)                                    = keyviz.RunHotKeysAggregator
	_ func(keyviz.Sampler, uint64, []byte, keyviz.Op, int, keyviz.Label)           = keyviz.Sampler.Observe
	_ keyviz.Sampler                                                               = (*keyviz.MemSampler)(nil)
	_ interface {
		Observe(uint64, []byte, keyviz.Op, int, keyviz.Label)
	} = keyviz.Sampler(nil)
	_ [5]keyviz.Label = keyviz.AllLabels
	_ []keyviz.Op     = []keyviz.Op{keyviz.OpRead, keyviz.OpWrite}
	_ []keyviz.Series = []keyviz.Series{keyviz.SeriesReads, keyviz.SeriesWrites, keyviz.SeriesReadBytes, keyviz.SeriesWriteBytes}
)

// Constants are constants: the step typed, the numbers untyped.
const (
	_ time.Duration = keyviz.DefaultStep
	_ int64         = keyviz.DefaultHistoryColumns
	_ int32         = keyviz.MaxHistoryColumns
	_ int16         = keyviz.DefaultMaxTrackedRoutes
	_ float64       = keyviz.DefaultMaxMemberRoutesPerSlot
	_ int8          = keyviz.DefaultKeyBucketsPerRoute
	_ int16         = keyviz.MaxKeyBucketsPerRoute
	_ int8          = keyviz.DefaultHotKeysPerRoute
	_ int16         = keyviz.MaxHotKeysPerRoute
	_ int8          = keyviz.DefaultHotKeysSampleRate
	_ int16         = keyviz.MaxHotKeysSampleRate
	_ int16         = keyviz.DefaultHotKeysQueueSize
	_ int32         = keyviz.MaxHotKeysQueueSize
	_ int16         = keyviz.DefaultHotKeysMaxKeyLen
	_ int16         = keyviz.MaxHotKeysMaxKeyLen
)

func TestDropInConstantsHaveTheirValues(t *testing.T) {
	got := []any{
		keyviz.DefaultStep, keyviz.DefaultHistoryColumns, keyviz.MaxHistoryColumns, keyviz.DefaultMaxTrackedRoutes,
		keyviz.DefaultMaxMemberRoutesPerSlot, keyviz.DefaultKeyBucketsPerRoute, keyviz.MaxKeyBucketsPerRoute,
		keyviz.DefaultHotKeysPerRoute, keyviz.MaxHotKeysPerRoute, keyviz.DefaultHotKeysSampleRate, keyviz.MaxHotKeysSampleRate,
		keyviz.DefaultHotKeysQueueSize, keyviz.MaxHotKeysQueueSize, keyviz.DefaultHotKeysMaxKeyLen, keyviz.MaxHotKeysMaxKeyLen,
		keyviz.OpRead, keyviz.OpWrite, keyviz.SeriesReads, keyviz.SeriesWrites, keyviz.SeriesReadBytes, keyviz.SeriesWriteBytes,
		keyviz.LabelLegacy, keyviz.AllLabels,
	}
	want := []any{
		60 * time.Second, 1440, 100_000, 10_000, 256, 1, 256, 64, 256, 16, 1024, 8192, 65536, 1024, 4096,
		keyviz.Op(0), keyviz.Op(1), keyviz.Series(0), keyviz.Series(1), keyviz.Series(2), keyviz.Series(3),
		keyviz.Label(""), [5]keyviz.Label{"dynamo", "redis", "s3", "sqs", "rawkv"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	named := [5]keyviz.Label{keyviz.LabelDynamo, keyviz.LabelRedis, keyviz.LabelS3, keyviz.LabelSQS, keyviz.LabelRawKV}
	if named != keyviz.AllLabels {
		t.Errorf("the labels are %v", named)
	}
	for value, kind := range map[any]reflect.Kind{
		keyviz.OpRead: reflect.Uint8, keyviz.SeriesReads: reflect.Uint8, keyviz.LabelLegacy: reflect.String,
	} {
		if reflect.TypeOf(value).Kind() != kind {
			t.Errorf("%T is a %v", value, reflect.TypeOf(value).Kind())
		}
	}
}

func TestDropInStructsHaveTheirFieldsInOrder(t *testing.T) {
	for _, one := range []struct {
		value any
		want  string
	}{
		{&keyviz.MemSamplerOptions{}, "Step time.Duration, HistoryColumns int, MaxTrackedRoutes int, MaxMemberRoutesPerSlot int, " +
			"KeyBucketsPerRoute int, KeyVizLabelsEnabled bool, HotKeysEnabled bool, HotKeysPerRoute int, HotKeysSampleRate int, " +
			"HotKeysQueueSize int, HotKeysMaxKeyLen int, Now func() time.Time"},
		{&keyviz.MatrixColumn{}, "WindowStart time.Time, At time.Time, Rows []keyviz.MatrixRow"},
		{&keyviz.MatrixRow{}, "RouteID uint64, Label keyviz.Label, Start []uint8, End []uint8, Aggregate bool, MemberRoutes []uint64, " +
			"MemberRoutesTotal uint64, RaftGroupID uint64, LeaderTerm uint64, SubBucket int, SubBucketCount int, Reads uint64, " +
			"Writes uint64, ReadBytes uint64, WriteBytes uint64"},
		{&keyviz.KeyvizHotKeysSnapshot{}, "RouteID uint64, Label keyviz.Label, SampledN uint64, DroppedSamples uint64, " +
			"SkippedLongKeys uint64, SnapshotAt time.Time, SampleRate int, Capacity int, Entries []keyviz.KeyvizHotKeyEntry"},
		{&keyviz.KeyvizHotKeyEntry{}, "Key []uint8, Count uint64"},
	} {
		kind := reflect.TypeOf(one.value).Elem()
		var fields []string
		for i := range kind.NumField() {
			fields = append(fields, kind.Field(i).Name+" "+kind.Field(i).Type.String())
		}
		if got := strings.Join(fields, ", "); got != one.want {
			t.Errorf("%v\nhas  %s\nwant %s", kind, got, one.want)
		}
	}
}

// The catalogue of labels can't be extended by accident.
func TestDropInAppendingToAllLabelsDoesNotCompile(t *testing.T) {
	files := token.NewFileSet()
	var parsed []*ast.File
	for name, source := range map[string]any{
		"keyviz.go": nil,
		"host.go":   "package keyviz\nvar more = append(AllLabels, LabelS3)\nvar all = append([]Label{}, AllLabels[:]...)\n",
	} {
		file, err := parser.ParseFile(files, name, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	var complaints []string
	check := types.Config{Error: func(err error) {
		if at := files.Position(err.(types.Error).Pos); at.Filename == "host.go" {
			complaints = append(complaints, fmt.Sprint(at.Line))
		}
	}}
	_, _ = check.Check("keyviz", files, parsed, nil)
	if !slices.Equal(complaints, []string{"2"}) {
		t.Errorf("the lines that don't compile are %v", complaints)
	}
}

// hostClock is a host's fake clock.
type hostClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *hostClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *hostClock) advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

func newHost(t *testing.T, options keyviz.MemSamplerOptions) (*keyviz.MemSampler, *hostClock) {
	t.Helper()
	clock := &hostClock{now: time.Date(2024, 6, 1, 12, 0, 0, 123456789, time.FixedZone("host", 3600))}
	if options.Now == nil {
		options.Now = clock.Now
	}
	s := keyviz.NewMemSampler(options)
	t.Cleanup(s.Close)
	return s, clock
}

func allColumns(s *keyviz.MemSampler) []keyviz.MatrixColumn {
	return s.Snapshot(time.Time{}, time.Time{})
}

// flushed flushes a second later, and gives that column's rows.
func flushed(s *keyviz.MemSampler, clock *hostClock) []keyviz.MatrixRow {
	at := clock.advance(time.Second)
	s.Flush()
	columns := s.Snapshot(at, at.Add(1))
	return columns[len(columns)-1].Rows
}

func TestDropInTimesAreThoseThatNowGave(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		newYork = time.FixedZone("New York", -5*3600)
	}
	for _, first := range []time.Time{
		time.Unix(1_700_000_000, 1), time.Unix(1_700_000_000, 1).UTC(), time.Unix(1_700_000_000, 999).In(newYork),
		time.Now(), // with its monotonic reading
		{}, time.Unix(0, 0), time.Date(1500, 1, 2, 3, 4, 5, 6, time.UTC), time.Date(9999, 1, 2, 3, 4, 5, 6, newYork),
	} {
		clock := &hostClock{now: first}
		s, _ := newHost(t, keyviz.MemSamplerOptions{Now: clock.Now})
		times := []time.Time{first}
		for i := range 5 {
			times = append(times, clock.advance(time.Duration(i)*time.Minute+1))
			s.Flush()
		}
		columns := allColumns(s)
		if len(columns) != 5 {
			t.Fatalf("%d columns", len(columns))
		}
		for i, column := range columns {
			if column.WindowStart != times[i] || column.At != times[i+1] {
				t.Errorf("column %d is (%v, %v], want (%v, %v]", i, column.WindowStart, column.At, times[i], times[i+1])
			}
		}
	}
}

func TestDropInWindowsJoinAndAreNeverEmpty(t *testing.T) {
	s, clock := newHost(t, keyviz.MemSamplerOptions{Step: 10 * time.Second})
	for _, passed := range []time.Duration{10 * time.Second, 1, 0, -time.Hour, 5 * time.Second, 0, 0, time.Minute} {
		clock.advance(passed)
		s.Flush()
	}
	before := time.Time{}
	for i, column := range allColumns(s) {
		if !column.WindowStart.Before(column.At) {
			t.Errorf("column %d is (%v, %v]", i, column.WindowStart, column.At)
		}
		if i > 0 && column.WindowStart != before && column.WindowStart != column.At.Add(-10*time.Second) {
			t.Errorf("column %d begins at %v: not at the end of the one before, %v, nor a step before its own", i, column.WindowStart, before)
		}
		before = column.At
	}
}

func TestDropInSnapshotIsFromInclusiveToExclusive(t *testing.T) {
	s, clock := newHost(t, keyviz.MemSamplerOptions{HistoryColumns: 5})
	if allColumns(s) != nil {
		t.Error("columns before the first flush")
	}
	var ats []time.Time
	for range 8 {
		ats = append(ats, clock.advance(time.Minute))
		s.Flush()
	}
	kept := ats[3:]
	for _, one := range []struct {
		from, to time.Time
		want     []time.Time
	}{
		{time.Time{}, time.Time{}, kept},
		{kept[1], time.Time{}, kept[1:]},
		{kept[1].Add(1), time.Time{}, kept[2:]},
		{time.Time{}, kept[3], kept[:3]},
		{time.Time{}, kept[3].Add(1), kept[:4]},
		{kept[1], kept[2], kept[1:2]},
		{kept[2], kept[2], nil},
		{kept[3], kept[1], nil},
		{ats[0], kept[0], nil},
		{kept[4].Add(1), time.Time{}, nil},
		{kept[1].UTC(), kept[2].UTC(), kept[1:2]},
	} {
		var got []time.Time
		for _, column := range s.Snapshot(one.from, one.to) {
			got = append(got, column.At)
		}
		if !slices.Equal(got, one.want) {
			t.Errorf("from %v to %v: %v, want %v", one.from, one.to, got, one.want)
		}
	}
}

func TestDropInASnapshotSharesNothing(t *testing.T) {
	s, clock := newHost(t, keyviz.MemSamplerOptions{KeyVizLabelsEnabled: true, MaxTrackedRoutes: 2})
	for id := uint64(1); id <= 6; id++ {
		s.RegisterRoute(id, []byte{'a' + byte(id)}, []byte{'b' + byte(id)}, 1)
	}
	for range 3 {
		for id := uint64(1); id <= 6; id++ {
			for _, label := range keyviz.AllLabels {
				s.Observe(id, []byte("k"), keyviz.OpWrite, 1, label)
			}
		}
		clock.advance(time.Minute)
		s.Flush()
	}
	want, changed := allColumns(s), allColumns(s)
	if !reflect.DeepEqual(want, changed) {
		t.Fatal("two snapshots differ")
	}
	// Each row is overwritten and appended to, and no other row shows it.
	for i := range changed {
		for j := range changed[i].Rows {
			row := &changed[i].Rows[j]
			row.Start, row.End = append(row.Start, "zzzzzzzz"...), append(row.End, "zzzzzzzz"...)
			row.MemberRoutes = append(row.MemberRoutes, 1, 2, 3)
			for k := range row.MemberRoutes {
				row.MemberRoutes[k] = 99
			}
			row.Start[0], row.End[0] = '!', '!'
			row.Reads, row.Label = 1e9, "changed"
			for l := j + 1; l < len(changed[i].Rows); l++ {
				if !reflect.DeepEqual(changed[i].Rows[l], want[i].Rows[l]) {
					t.Fatalf("row %d changed with row %d: %+v", l, j, changed[i].Rows[l])
				}
			}
		}
		changed[i].Rows = append(changed[i].Rows, keyviz.MatrixRow{})
	}
	if again := allColumns(s); !reflect.DeepEqual(again, want) {
		t.Error("the history changed")
	}
	// A snapshot outlives the sampler.
	s.Close()
	runtime.GC()
	for _, column := range want {
		for _, row := range column.Rows {
			if row.Writes == 0 || len(row.Start) != 1 {
				t.Errorf("row %+v", row)
			}
		}
	}
}

func TestDropInRowsAreInOrderAndIdleOnesAreLeftOut(t *testing.T) {
	s, clock := newHost(t, keyviz.MemSamplerOptions{KeyVizLabelsEnabled: true, KeyBucketsPerRoute: 4})
	type route struct {
		id         uint64
		start, end string
	}
	routes := []route{{9, "", "a"}, {8, "", ""}, {3, "a", "b"}, {7, "a", "c"}, {1, "b", ""}, {5, "zz", "zz"}}
	for _, i := range rand.Perm(len(routes)) {
		s.RegisterRoute(routes[i].id, []byte(routes[i].start), []byte(routes[i].end), 0)
	}
	s.RegisterRoute(77, []byte("idle"), nil, 0)
	random := rand.New(rand.NewPCG(3, 4))
	for range 3_000 {
		labels := append([]keyviz.Label{keyviz.LabelLegacy}, keyviz.AllLabels[:]...)
		key := []byte{byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32())}
		s.Observe(routes[random.IntN(len(routes))].id, key, keyviz.Op(random.IntN(2)), 1, labels[random.IntN(6)])
	}
	rows := flushed(s, clock)
	for i := range rows[1:] {
		a, b := rows[i], rows[i+1]
		order := slices.Compare(a.Start, b.Start)
		for _, more := range []int{int(int64(a.RouteID) - int64(b.RouteID)), strings.Compare(string(a.Label), string(b.Label)), a.SubBucket - b.SubBucket} {
			if order == 0 {
				order = more
			}
		}
		if order >= 0 {
			t.Errorf("row %d is not before the next: %+v, %+v", i, a, b)
		}
	}
	for _, row := range rows {
		if row.RouteID == 77 || row.Reads|row.Writes == 0 {
			t.Errorf("an idle row: %+v", row)
		}
		if row.RouteID == 9 && row.SubBucket == 0 && row.Start != nil || row.RouteID == 1 && row.SubBucket == 3 && row.End != nil {
			t.Errorf("an empty bound is nil: %+v", row)
		}
		if row.MemberRoutes != nil || row.MemberRoutesTotal != 1 || row.Aggregate {
			t.Errorf("a single route: %+v", row)
		}
		if row.RouteID == 5 && (row.SubBucketCount != 1 || string(row.Start) != "zz" || string(row.End) != "zz") {
			t.Errorf("a range without a key: %+v", row)
		}
	}
	if rows := flushed(s, clock); rows != nil {
		t.Errorf("an idle step has rows: %+v", rows)
	}
	if columns := allColumns(s); len(columns) != 2 {
		t.Errorf("an idle step is a column, too: %d columns", len(columns))
	}
}

func TestDropInLabelsAreKnownByTheirText(t *testing.T) {
	for _, labelled := range []bool{true, false} {
		s, clock := newHost(t, keyviz.MemSamplerOptions{KeyVizLabelsEnabled: labelled, MaxTrackedRoutes: 1})
		s.RegisterRoute(1, nil, []byte("m"), 0)
		s.RegisterRoute(2, []byte("m"), nil, 0) // folded
		text := strings.Clone("redis,s3,rediss")
		for _, label := range []keyviz.Label{
			keyviz.LabelRedis, keyviz.Label(text[:5]), keyviz.Label(strings.Clone("redis")), "redis",
			keyviz.Label(text[6:8]), keyviz.LabelLegacy, keyviz.Label(text[:0]),
			"Redis", keyviz.Label(text[9:]), "memcached", "redi", "s3:", keyviz.LabelRedis[:3],
		} {
			s.Observe(1, []byte("k"), keyviz.OpRead, 0, label)
			s.Observe(2, []byte("k"), keyviz.OpRead, 0, label)
		}
		reads := make(map[string]uint64)
		for _, row := range flushed(s, clock) {
			reads[fmt.Sprint(row.Aggregate, " ", row.Label)] += row.Reads
		}
		want := map[string]uint64{"false redis": 4, "false s3": 1, "false ": 2, "true ": 13}
		if !labelled {
			want = map[string]uint64{"false ": 13, "true ": 13}
		}
		if !reflect.DeepEqual(reads, want) {
			t.Errorf("labels on: %v: %v, want %v", labelled, reads, want)
		}
	}
}

func TestDropInBytesAreOfKeyAndValue(t *testing.T) {
	s, clock := newHost(t, keyviz.MemSamplerOptions{})
	s.RegisterRoute(1, nil, nil, 3)
	for _, valueLen := range []int{0, 10, -1, -1 << 60} {
		s.Observe(1, []byte("key"), keyviz.OpWrite, valueLen, keyviz.LabelLegacy)
	}
	s.Observe(1, nil, keyviz.OpRead, 7, keyviz.LabelLegacy)
	s.Observe(1, []byte{}, keyviz.OpRead, 7, "?")
	s.Observe(1, []byte("key"), 2, 7, keyviz.LabelLegacy)
	s.Observe(1, []byte("key"), 255, 7, keyviz.LabelLegacy)
	s.Observe(2, []byte("key"), keyviz.OpRead, 7, keyviz.LabelLegacy)
	want := []keyviz.MatrixRow{{
		RouteID: 1, MemberRoutesTotal: 1, RaftGroupID: 3, SubBucketCount: 1, Reads: 2, ReadBytes: 14, Writes: 4, WriteBytes: 22,
	}}
	if got := flushed(s, clock); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDropInLeaderTermsAreStampedAtTheNextFlush(t *testing.T) {
	s, clock := newHost(t, keyviz.MemSamplerOptions{})
	s.SetLeaderTerm(5, 1)
	s.SetLeaderTerm(0, 9)
	s.RegisterRoute(1, nil, []byte("m"), 5)
	s.RegisterRoute(2, []byte("m"), nil, 0)
	term := func() []uint64 {
		s.Observe(1, nil, keyviz.OpRead, 0, keyviz.LabelLegacy)
		s.Observe(2, nil, keyviz.OpRead, 0, keyviz.LabelLegacy)
		var terms []uint64
		for _, row := range flushed(s, clock) {
			terms = append(terms, row.RaftGroupID, row.LeaderTerm)
		}
		return terms
	}
	if got := term(); !slices.Equal(got, []uint64{5, 1, 0, 0}) {
		t.Errorf("groups and terms %v", got)
	}
	s.SetLeaderTerm(5, 3)
	s.SetLeaderTerm(5, 2)
	if got := term(); !slices.Equal(got, []uint64{5, 2, 0, 0}) {
		t.Errorf("groups and terms %v: the last that was said", got)
	}
	if columns := allColumns(s); columns[0].Rows[0].LeaderTerm != 1 {
		t.Error("a column that was committed changed")
	}
}

func TestDropInAVirtualBucketListsSomeMembersAndCountsAll(t *testing.T) {
	s, clock := newHost(t, keyviz.MemSamplerOptions{
		MaxTrackedRoutes: 2, MaxMemberRoutesPerSlot: 3, KeyVizLabelsEnabled: true, KeyBucketsPerRoute: 16, Step: time.Second,
	})
	own := 0
	for id := uint64(1); id <= 10; id++ {
		if s.RegisterRoute(id, []byte{byte('a' + id)}, []byte{byte('b' + id)}, id) {
			own++
		}
	}
	if own != 2 || s.RegisterRoute(3, nil, nil, 1) || !s.RegisterRoute(1, nil, nil, 1) {
		t.Fatalf("%d have slots of their own; to register again tells the same", own)
	}
	bucket := func() keyviz.MatrixRow {
		for _, id := range []uint64{3, 5, 10} {
			s.Observe(id, []byte("k"), keyviz.OpWrite, 9, keyviz.LabelSQS)
		}
		rows := flushed(s, clock)
		if len(rows) != 1 {
			t.Fatalf("rows %+v", rows)
		}
		return rows[0]
	}
	want := keyviz.MatrixRow{
		RouteID: 1<<64 - 1, Start: []byte("d"), End: []byte("l"), Aggregate: true, MemberRoutes: []uint64{3, 4, 5},
		MemberRoutesTotal: 8, SubBucketCount: 1, Writes: 3, WriteBytes: 30,
	}
	if got := bucket(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	// A hidden member goes and comes again, and a listed one goes: only that is seen, and only after grace.
	s.RemoveRoute(10)
	s.RegisterRoute(10, []byte("k"), []byte("l"), 1)
	s.RemoveRoute(4)
	if got := bucket(); got.MemberRoutesTotal != 8 || !slices.Equal(got.MemberRoutes, want.MemberRoutes) {
		t.Errorf("within grace: %+v", got)
	}
	clock.advance(10 * time.Second)
	s.Flush()
	if got := bucket(); got.MemberRoutesTotal != 7 || slices.Contains(got.MemberRoutes, 4) {
		t.Errorf("after grace: %+v", got)
	}
	if _, _, ok := s.SubBucketBoundsFor(5, keyviz.LabelSQS, 0); ok {
		t.Error("a folded route has no parts")
	}
}

func TestDropInARemovedRouteIsFlushedAndMayComeBack(t *testing.T) {
	for _, step := range []time.Duration{time.Second, time.Minute} {
		grace := max(2*step, 5*time.Second)
		s, clock := newHost(t, keyviz.MemSamplerOptions{KeyVizLabelsEnabled: true, KeyBucketsPerRoute: 4, Step: step})
		s.RegisterRoute(1, []byte("a"), []byte("e"), 1)
		s.Observe(1, []byte("b"), keyviz.OpRead, 0, keyviz.LabelRedis)
		s.RemoveRoute(1)
		s.RemoveRoute(1)
		s.RemoveRoute(404)
		s.Observe(1, []byte("b"), keyviz.OpRead, 0, keyviz.LabelRedis) // nowhere
		if rows := flushed(s, clock); len(rows) != 1 || rows[0].Reads != 1 {
			t.Errorf("what it counted: %+v", rows)
		}
		// Within grace it comes back with its layout, the new range and the new group, and is one row for each label and part.
		if !s.RegisterRoute(1, []byte("a"), []byte("c"), 2) {
			t.Fatal("it has no slots of its own")
		}
		s.Observe(1, []byte("b"), keyviz.OpRead, 0, keyviz.LabelRedis)
		s.Observe(1, []byte("b"), keyviz.OpRead, 0, keyviz.LabelS3)
		rows := flushed(s, clock)
		if len(rows) != 2 || rows[0].SubBucket != 1 || rows[0].SubBucketCount != 4 || rows[0].RaftGroupID != 2 ||
			rows[0].Label != keyviz.LabelRedis || rows[1].Label != keyviz.LabelS3 {
			t.Errorf("within grace: %+v", rows)
		}
		// After grace it is a new one.
		s.RemoveRoute(1)
		clock.advance(grace + time.Second)
		s.Flush()
		s.RegisterRoute(1, []byte("a"), []byte("c"), 3)
		s.Observe(1, []byte("b"), keyviz.OpRead, 0, keyviz.LabelRedis)
		if rows := flushed(s, clock); len(rows) != 1 || rows[0].SubBucket != 2 || rows[0].RaftGroupID != 3 {
			t.Errorf("after grace: %+v", rows)
		}
	}
}

func TestDropInBoundsOfPartsAreThoseOfRows(t *testing.T) {
	s, clock := newHost(t, keyviz.MemSamplerOptions{KeyBucketsPerRoute: 7})
	s.RegisterRoute(1, []byte("user/100"), []byte("user/900"), 0)
	s.RegisterRoute(2, []byte("x"), nil, 0)
	s.RegisterRoute(3, nil, []byte("user/"), 0)
	s.RegisterRoute(4, []byte("b"), []byte("a"), 0)
	s.RegisterRoute(5, []byte("k"), []byte("k\x00"), 0) // no room for parts
	for id := uint64(1); id <= 5; id++ {
		var last []byte
		for part := 0; ; part++ {
			lo, hi, ok := s.SubBucketBoundsFor(id, "any", part)
			if !ok {
				if part == 0 {
					t.Errorf("route %d has no parts", id)
				}
				break
			}
			if part > 0 && !reflect.DeepEqual(lo, last) {
				t.Errorf("part %d of route %d begins at %q, and the one before ends at %q", part, id, lo, last)
			}
			last = hi
			s.Observe(id, lo, keyviz.OpRead, 0, keyviz.LabelLegacy)
		}
	}
	parts := make(map[uint64]int)
	for _, row := range flushed(s, clock) {
		parts[row.RouteID]++
		lo, hi, ok := s.SubBucketBoundsFor(row.RouteID, row.Label, row.SubBucket)
		if !ok || !reflect.DeepEqual(lo, row.Start) || !reflect.DeepEqual(hi, row.End) || row.Reads != 1 {
			t.Errorf("the part is [%q, %q), %v, and the row %+v", lo, hi, ok, row)
		}
	}
	if want := map[uint64]int{1: 7, 2: 7, 3: 7, 4: 1, 5: 1}; !reflect.DeepEqual(parts, want) {
		t.Errorf("parts %v, want %v", parts, want)
	}
	lo, _, _ := s.SubBucketBoundsFor(1, "", 0)
	lo[0] = '!'
	if again, _, _ := s.SubBucketBoundsFor(1, "", 0); string(again) != "user/100" {
		t.Error("the bounds are no copy")
	}
	for _, part := range []int{-1, 7, 256, 1 << 40} {
		if lo, hi, ok := s.SubBucketBoundsFor(1, "", part); ok || lo != nil || hi != nil {
			t.Errorf("there is no part %d", part)
		}
	}
}

func TestDropInHotKeysWindowByWindow(t *testing.T) {
	s, clock := newHost(t, keyviz.MemSamplerOptions{
		HotKeysEnabled: true, HotKeysSampleRate: 1, HotKeysPerRoute: 4, HotKeysMaxKeyLen: 8, KeyVizLabelsEnabled: true, MaxTrackedRoutes: 2,
	})
	for id := uint64(1); id <= 3; id++ {
		s.RegisterRoute(id, []byte{byte('a' + id)}, []byte{byte('b' + id)}, 0)
	}
	if enabled, capacity, rate, longest := s.HotKeysOptions(); !enabled || capacity != 4 || rate != 1 || longest != 8 {
		t.Error("options")
	}
	// What RunHotKeysAggregator does when it is told to end: it publishes once more.
	publish := func() time.Time {
		at := clock.advance(time.Minute)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		keyviz.RunHotKeysAggregator(ctx, s)
		return at
	}
	key := []byte("hot")
	for i := range 10 {
		s.Observe(1, key, keyviz.OpWrite, 0, keyviz.LabelRedis)
		copy(key, "xxx") // it isn't kept
		copy(key, "hot")
		s.Observe(1, key[:1+i%2], keyviz.OpWrite, 0, keyviz.LabelRedis)
		s.Observe(1, key, keyviz.OpRead, 0, keyviz.LabelRedis)
		s.Observe(3, key, keyviz.OpWrite, 0, keyviz.LabelRedis) // folded
	}
	s.Observe(1, []byte("too long for it"), keyviz.OpWrite, 0, keyviz.LabelRedis)
	if s.HotKeysSnapshot(1, keyviz.LabelRedis) != nil {
		t.Error("nothing was published yet")
	}
	at := publish()
	want := &keyviz.KeyvizHotKeysSnapshot{
		RouteID: 1, Label: keyviz.LabelRedis, SampledN: 20, SkippedLongKeys: 1, SnapshotAt: at, SampleRate: 1, Capacity: 4,
		Entries: []keyviz.KeyvizHotKeyEntry{{Key: []byte("hot"), Count: 10}, {Key: []byte("h"), Count: 5}, {Key: []byte("ho"), Count: 5}},
	}
	first := s.HotKeysSnapshot(1, keyviz.LabelRedis)
	if !reflect.DeepEqual(first, want) || first.SnapshotAt != at {
		t.Fatalf("got  %+v\nwant %+v", first, want)
	}
	first.Entries[0].Key[0] = '!'
	_ = append(first.Entries[0].Key, "!!!!"...)
	if again := s.HotKeysSnapshot(1, keyviz.LabelRedis); !reflect.DeepEqual(again, want) {
		t.Errorf("a snapshot is a copy: %+v", again)
	}
	for name, none := range map[string]*keyviz.KeyvizHotKeysSnapshot{
		"another label": s.HotKeysSnapshot(1, keyviz.LabelS3), "an idle route": s.HotKeysSnapshot(2, keyviz.LabelRedis),
		"a folded route": s.HotKeysSnapshot(3, keyviz.LabelRedis), "an unknown route": s.HotKeysSnapshot(404, keyviz.LabelRedis),
	} {
		if none != nil {
			t.Errorf("%s has a snapshot: %+v", name, none)
		}
	}
	// A window without traffic is a snapshot without entries.
	at = publish()
	if idle := s.HotKeysSnapshot(1, keyviz.LabelRedis); idle == nil || len(idle.Entries) != 0 || idle.SampledN != 0 || idle.SkippedLongKeys != 0 ||
		idle.SnapshotAt != at || idle.Capacity != 4 {
		t.Errorf("an idle window: %+v", idle)
	}
	s.RemoveRoute(1)
	publish()
	if gone := s.HotKeysSnapshot(1, keyviz.LabelRedis); gone != nil {
		t.Errorf("a removed route: %+v", gone)
	}
	off, _ := newHost(t, keyviz.MemSamplerOptions{})
	off.RegisterRoute(1, nil, nil, 0)
	off.Observe(1, key, keyviz.OpWrite, 0, keyviz.LabelLegacy)
	if off.HotKeysSnapshot(1, keyviz.LabelLegacy) != nil {
		t.Error("hot keys are off")
	}
}

func TestDropInRunnersWaitForTheirContext(t *testing.T) {
	s, _ := newHost(t, keyviz.MemSamplerOptions{Step: time.Hour, Now: time.Now})
	for name, run := range map[string]func(context.Context){
		"flusher":                    func(ctx context.Context) { keyviz.RunFlusher(ctx, s, time.Hour) },
		"flusher of nil":             func(ctx context.Context) { keyviz.RunFlusher(ctx, nil, time.Millisecond) },
		"aggregator of nil":          func(ctx context.Context) { keyviz.RunHotKeysAggregator(ctx, nil) },
		"aggregator without samples": func(ctx context.Context) { keyviz.RunHotKeysAggregator(ctx, s) },
	} {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { defer close(ended); run(ctx) }()
		select {
		case <-ended:
			t.Errorf("the %s didn't wait", name)
		case <-time.After(20 * time.Millisecond):
		}
		cancel()
		<-ended
	}
	if columns := allColumns(s); columns != nil {
		t.Errorf("there is no last flush: %v", columns)
	}
}

func TestDropInHasNoGoroutineOfItsOwn(t *testing.T) {
	before := runtime.NumGoroutine()
	s, clock := newHost(t, keyviz.MemSamplerOptions{HotKeysEnabled: true, HotKeysSampleRate: 1, MaxTrackedRoutes: 1 << 17, HistoryColumns: 3})
	for id := range uint64(100_000) {
		s.RegisterRoute(id, nil, nil, 0)
		s.Observe(id, []byte("key"), keyviz.OpWrite, 0, keyviz.LabelLegacy)
	}
	for range 3 {
		for id := range uint64(100_000) {
			s.Observe(id, []byte("key"), keyviz.OpWrite, 0, keyviz.LabelLegacy)
		}
		clock.advance(time.Minute)
		s.Flush()
	}
	if columns := allColumns(s); len(columns) != 3 || len(columns[2].Rows) != 100_000 || columns[1].Rows[99_999].RouteID != 99_999 {
		t.Error("the snapshot is not whole")
	}
	// A goroutine that has done its part may need a moment to go.
	after := runtime.NumGoroutine()
	for deadline := time.Now().Add(5 * time.Second); after > before && time.Now().Before(deadline); after = runtime.NumGoroutine() {
		time.Sleep(time.Millisecond)
	}
	if after > before {
		t.Errorf("%d goroutines, then %d", before, after)
	}
}

func TestDropInNothingIsLostOrCountedTwice(t *testing.T) {
	s, _ := newHost(t, keyviz.MemSamplerOptions{
		KeyVizLabelsEnabled: true, KeyBucketsPerRoute: 4, Step: time.Millisecond, HistoryColumns: 100_000, Now: time.Now, MaxTrackedRoutes: 6,
		HotKeysEnabled: true, HotKeysSampleRate: 3,
	})
	const routes, observers = 8, 4
	for id := uint64(1); id <= routes; id++ {
		s.RegisterRoute(id, []byte{byte(id)}, []byte{byte(id + 1)}, id)
	}
	rounds := uint64(20_000)
	if testing.Short() {
		rounds = 3_000
	}
	var counting, others sync.WaitGroup
	var done atomic.Bool
	for observer := range observers {
		counting.Add(1)
		go func() {
			defer counting.Done()
			for i := range rounds {
				id := 1 + (i+uint64(observer))%routes
				s.Observe(id, []byte{byte(id), byte(i)}, keyviz.Op(i&1), 8, keyviz.AllLabels[i%5])
			}
		}()
	}
	for _, beside := range []func(i uint64){
		func(uint64) { s.Flush() },
		func(uint64) { _ = allColumns(s) },
		func(i uint64) { s.RegisterRoute(1000+i%50, nil, nil, 1); s.RemoveRoute(1000 + (i+25)%50) },
		func(i uint64) { s.SetLeaderTerm(i%routes, i) },
		func(i uint64) {
			s.SubBucketBoundsFor(1+i%routes, keyviz.LabelS3, 1)
			s.HotKeysSnapshot(1, keyviz.LabelS3)
		},
	} {
		others.Add(1)
		go func() {
			defer others.Done()
			for i := uint64(0); !done.Load(); i++ {
				beside(i)
				time.Sleep(100 * time.Microsecond)
			}
		}()
	}
	ctx, cancel := context.WithCancel(context.Background())
	others.Add(2)
	go func() { defer others.Done(); keyviz.RunFlusher(ctx, s, time.Millisecond) }()
	go func() { defer others.Done(); keyviz.RunHotKeysAggregator(ctx, s) }()
	counting.Wait()
	done.Store(true)
	cancel()
	others.Wait()
	s.Flush()
	var sum keyviz.MatrixRow
	for _, column := range allColumns(s) {
		for _, row := range column.Rows {
			sum.Reads += row.Reads
			sum.Writes += row.Writes
			sum.ReadBytes += row.ReadBytes
			sum.WriteBytes += row.WriteBytes
		}
	}
	half := rounds * observers / 2
	if sum.Reads != half || sum.Writes != half || sum.ReadBytes != 10*half || sum.WriteBytes != 10*half {
		t.Errorf("%d reads of %d bytes, %d writes of %d: want %d of %d each", sum.Reads, sum.ReadBytes, sum.Writes, sum.WriteBytes, half, 10*half)
	}
}

func TestDropInCloseBesideUseIsSafe(t *testing.T) {
	for range 30 {
		s, clock := newHost(t, keyviz.MemSamplerOptions{
			KeyVizLabelsEnabled: true, HotKeysEnabled: true, HotKeysSampleRate: 1, KeyBucketsPerRoute: 4, Step: time.Millisecond,
		})
		var all sync.WaitGroup
		begin := make(chan struct{})
		ctx, cancel := context.WithCancel(context.Background())
		for _, use := range []func(i uint64){
			func(i uint64) { s.Observe(1+i%3, []byte("k"), keyviz.OpWrite, 1, keyviz.LabelRedis) },
			func(i uint64) { s.RegisterRoute(1+i%3, nil, nil, 1); s.RemoveRoute(2 + i%3) },
			func(uint64) { clock.advance(time.Millisecond); s.Flush(); _ = allColumns(s) },
			func(uint64) { s.HotKeysSnapshot(1, keyviz.LabelRedis); s.SubBucketBoundsFor(1, keyviz.LabelRedis, 1) },
		} {
			all.Add(1)
			go func() {
				defer all.Done()
				<-begin
				for i := range uint64(300) {
					use(i)
				}
			}()
		}
		all.Add(1)
		go func() { defer all.Done(); keyviz.RunHotKeysAggregator(ctx, s) }()
		close(begin)
		runtime.Gosched()
		s.Close()
		cancel()
		all.Wait()
		if allColumns(s) != nil || s.RegisterRoute(9, nil, nil, 0) || s.Step() != keyviz.DefaultStep {
			t.Fatal("a closed sampler is as nil")
		}
	}
}

// What nobody refers to any more is freed, also what the library holds for it.
func TestDropInSamplersThatAreDroppedGiveTheirMemoryBack(t *testing.T) {
	resident := func() int {
		text, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			t.Skip("this system doesn't tell what memory is resident")
		}
		var size, pages int
		fmt.Sscan(string(text), &size, &pages)
		return pages * os.Getpagesize() >> 10
	}
	samplers := 10_000
	if testing.Short() {
		samplers = 1_000
	}
	drop := func() (peak int) {
		for i := range samplers {
			s := keyviz.NewMemSampler(keyviz.MemSamplerOptions{KeyVizLabelsEnabled: true, HotKeysEnabled: i%2 == 0, HotKeysSampleRate: 1})
			s.RegisterRoute(1, nil, nil, 1)
			s.Observe(1, []byte("key"), keyviz.OpWrite, 1, keyviz.LabelS3)
			s.Flush()
			if i%100 == 0 {
				peak = max(peak, resident())
				runtime.GC()
			}
		}
		return peak
	}
	settle := func() int {
		least := resident()
		for range 20 {
			runtime.GC()
			time.Sleep(5 * time.Millisecond)
			least = min(least, resident())
		}
		return least
	}
	drop()
	first := settle()
	peak := drop()
	second := settle()
	t.Logf("%d samplers: %d KiB after the first time, %d at most, %d after the second time", samplers, first, peak, second)
	// Of one sampler, a route and a lane take more than 10 KiB.
	if second-first > samplers*2 || peak-first > samplers*10 {
		t.Errorf("%d samplers were dropped, and the process grew from %d KiB to %d (%d at most)", samplers, first, second, peak)
	}
}

func TestDropInNilIsASamplerThatIsOff(t *testing.T) {
	var s *keyviz.MemSampler
	var through keyviz.Sampler = s
	through.Observe(1, []byte("key"), keyviz.OpWrite, 1, keyviz.LabelS3)
	s.Observe(1, []byte("key"), keyviz.OpWrite, 1, keyviz.LabelS3)
	s.RemoveRoute(1)
	s.SetLeaderTerm(1, 2)
	s.Flush()
	s.Close()
	if s.RegisterRoute(1, nil, nil, 1) || allColumns(s) != nil || s.HotKeysSnapshot(1, keyviz.LabelS3) != nil {
		t.Error("nil has something")
	}
	if s.Step() != keyviz.DefaultStep || s.HistoryColumns() != keyviz.DefaultHistoryColumns {
		t.Error("nil has the defaults")
	}
	if enabled, capacity, rate, longest := s.HotKeysOptions(); enabled || capacity != 0 || rate != 0 || longest != 0 {
		t.Error("nil has hot keys")
	}
	if lo, hi, ok := s.SubBucketBoundsFor(1, "", 0); lo != nil || hi != nil || ok {
		t.Error("nil has bounds")
	}
}
