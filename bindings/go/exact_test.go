//go:build cgo

package keyviz

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// counts adds up the columns of a sampler as they are flushed.
type counts struct{ reads, writes, bytes uint64 }

func (c *counts) add(column MatrixColumn) {
	for _, row := range column.Rows {
		c.reads += row.Reads
		c.writes += row.Writes
		c.bytes += row.ReadBytes + row.WriteBytes
	}
}

// Every observation is in exactly one row or was missed, while routes come, go, come back, and have their cells reused,
// while columns are flushed, and while Ps come and go.
func TestNoObservationIsLostOrCountedTwice(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	each := uint64(1_000_000)
	if testing.Short() {
		each = 100_000
	}
	const observers, routes = 8, 64
	for _, k := range []int{1, 8} {
		s, clock := newTestSampler(t, MemSamplerOptions{
			KeyVizLabelsEnabled: true, Step: time.Second, MaxTrackedRoutes: 48, KeyBucketsPerRoute: k,
		})
		bounds := func(id uint64) (start, end []byte) {
			return fmt.Appendf(nil, "%04d", id), fmt.Appendf(nil, "%04d", id+1)
		}
		for id := uint64(0); id < routes; id++ {
			start, end := bounds(id)
			s.RegisterRoute(id, start, end, id)
		}
		var done atomic.Bool
		var observing, beside sync.WaitGroup
		for n := range uint64(observers) {
			observing.Add(1)
			go func() {
				defer observing.Done()
				random := rand.New(rand.NewPCG(n, 1))
				key := []byte("00000123")
				for range each {
					r := random.Uint64()
					id := r % routes
					copy(key, fmtID(id))
					label := labels[r>>32%labelCount]
					s.Observe(id, key, Op(r>>40&1), 92, label)
				}
			}()
		}
		beside.Add(2)
		go func() {
			defer beside.Done()
			random := rand.New(rand.NewPCG(99, 2))
			for fresh := uint64(routes); !done.Load(); fresh++ {
				id := random.Uint64N(routes)
				start, end := bounds(id)
				s.RemoveRoute(id)
				// Routes that nobody observes take the cells of removed ones.
				s.RegisterRoute(fresh, start, end, 1)
				s.RemoveRoute(fresh)
				runtime.Gosched()
				s.RegisterRoute(id, start, end, id)
				if fresh%512 == 0 {
					runtime.GOMAXPROCS([]int{1, 2, 8}[fresh/512%3])
				}
			}
		}()
		var sum counts
		var last time.Time
		take := func() {
			for _, column := range s.Snapshot(last, time.Time{}) {
				sum.add(column)
			}
			last = clock.Now().Add(1)
		}
		go func() {
			defer beside.Done()
			for !done.Load() {
				clock.Advance(3 * time.Second) // two flushes are grace
				s.Flush()
				take()
				time.Sleep(time.Millisecond)
			}
		}()
		observing.Wait()
		done.Store(true)
		beside.Wait()
		clock.Advance(time.Second)
		s.Flush()
		take()
		missed := s.Stats().Missed
		if got := sum.reads + sum.writes + missed; got != observers*each {
			t.Errorf("K %d: %d counted and %d missed make %d, and %d were observed", k, sum.reads+sum.writes, missed, got, observers*each)
		}
		if sum.bytes != (sum.reads+sum.writes)*100 {
			t.Errorf("K %d: %d bytes, want 100 per observation", k, sum.bytes)
		}
		if missed == 0 || missed == observers*each {
			t.Logf("K %d: missed %d: the routes were not in motion", k, missed)
		}
		s.Close()
	}
}

func fmtID(id uint64) string {
	const digits = "0123456789"
	return string([]byte{'0', '0', digits[id/10], digits[id%10]})
}

// workload drives a sampler with traffic that is the same every time.
func workload(s *MemSampler, clock *fakeClock) []MatrixColumn {
	random := rand.New(rand.NewPCG(5, 7))
	key := func() []byte {
		b := make([]byte, random.IntN(14))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	for range 50 {
		for range 5 {
			start, end := key(), key()
			if random.IntN(4) == 0 {
				end = nil
			}
			s.RegisterRoute(random.Uint64N(40), start, end, random.Uint64N(5))
			s.RemoveRoute(random.Uint64N(60))
		}
		s.SetLeaderTerm(random.Uint64N(5), random.Uint64N(100))
		for range 400 {
			label := Label("memcached")
			if n := random.IntN(labelCount + 1); n < labelCount {
				label = labels[n]
			}
			s.Observe(random.Uint64N(50), key(), Op(random.IntN(3)), random.IntN(1000)-100, label)
		}
		clock.Advance(time.Duration(random.IntN(4000)) * time.Millisecond)
		s.Flush()
	}
	return s.Snapshot(time.Time{}, time.Time{})
}

// The builds give the same columns on the same traffic: each one's, beside those of a sampler that crosses.
func TestCountingInPlaceAndCrossingGiveTheSameColumns(t *testing.T) {
	for _, opts := range []MemSamplerOptions{
		{},
		{KeyVizLabelsEnabled: true},
		{KeyVizLabelsEnabled: true, KeyBucketsPerRoute: 16, MaxTrackedRoutes: 20, MaxMemberRoutesPerSlot: 4},
		{KeyBucketsPerRoute: 256},
	} {
		opts.Step = time.Second
		var dumps [2]string
		for i := range dumps {
			s, clock := newTestSampler(t, opts)
			if i == 1 {
				s.core.Load().crossAlways()
			}
			h := fnv.New64a()
			rows := 0
			for _, column := range workload(s, clock) {
				fmt.Fprintf(h, "%v\n", column)
				rows += len(column.Rows)
			}
			dumps[i] = fmt.Sprintf("%d rows, missed %d, %x", rows, s.Stats().Missed, h.Sum64())
		}
		if dumps[0] != dumps[1] || strings.HasPrefix(dumps[0], "0 rows") {
			t.Errorf("%+v: %s, and crossing: %s", opts, dumps[0], dumps[1])
		}
	}
}

// Ps without a lane share one.
func TestPsWithoutALaneShareOne(t *testing.T) {
	s, clock := newTestSampler(t, MemSamplerOptions{KeyVizLabelsEnabled: true, KeyBucketsPerRoute: 4})
	c := s.core.Load()
	if c.table == nil {
		t.Skip("this build has no lanes")
	}
	s.RegisterRoute(1, nil, nil, 0)
	for c.husk.take() != nil {
	}
	var all sync.WaitGroup
	for range 4 {
		all.Add(1)
		go func() {
			defer all.Done()
			for range 1000 {
				s.Observe(1, []byte("k"), OpRead, 1, LabelRedis)
				s.Observe(2, []byte("k"), OpRead, 1, LabelRedis)
			}
		}()
	}
	all.Wait()
	rows := flushed(s, clock).Rows
	if len(rows) != 1 || rows[0].Reads != 4000 || rows[0].ReadBytes != 8000 || s.Stats().Missed != 4000 {
		t.Errorf("rows %+v, missed %d", rows, s.Stats().Missed)
	}
}

func TestObserveAllocatesNothing(t *testing.T) {
	s, _ := newTestSampler(t, MemSamplerOptions{KeyVizLabelsEnabled: true, KeyBucketsPerRoute: 8, MaxTrackedRoutes: 2})
	for id := range uint64(4) {
		s.RegisterRoute(id, nil, nil, 0)
	}
	key := []byte("key")
	var i Sampler = s
	if n := testing.AllocsPerRun(1000, func() {
		for id := range uint64(5) {
			i.Observe(id, key, OpWrite, 100, LabelRedis)
			i.Observe(id, key, OpWrite, 100, "memcached")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Everything that a sampler can do, while another goroutine closes it.
func TestCloseBesideEveryMethod(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	for round := range rounds {
		s, clock := newTestSampler(t, MemSamplerOptions{KeyVizLabelsEnabled: true, MaxTrackedRoutes: 3, KeyBucketsPerRoute: 1 + round%3})
		s.RegisterRoute(1, nil, nil, 0)
		var closed atomic.Bool
		var all sync.WaitGroup
		for _, method := range []func(i uint64){
			func(i uint64) { s.Observe(i%6, []byte("key"), OpRead, 1, labels[i%labelCount]) },
			func(i uint64) { s.Observe(1, []byte("key"), OpWrite, 1, LabelRedis) },
			func(i uint64) { s.RegisterRoute(i%9, nil, nil, 0) },
			func(i uint64) { s.RemoveRoute(i % 9) },
			func(i uint64) { clock.Advance(time.Second); s.Flush() },
			func(i uint64) { s.Snapshot(time.Time{}, time.Time{}) },
			func(i uint64) { s.Stats(); s.PollEvents(); s.SubBucketBoundsFor(1, LabelRedis, 0); s.Step() },
		} {
			all.Add(1)
			go func() {
				defer all.Done()
				for i := uint64(0); !closed.Load() || i < 10; i++ {
					method(i)
				}
			}()
		}
		time.Sleep(time.Duration(round%5) * 100 * time.Microsecond)
		s.Close()
		s.Close()
		closed.Store(true)
		all.Wait()
	}
}

// Samplers that nobody closes go with their last reference, those that are observed too, and leave no goroutine.
func TestDroppedSamplersAreFreed(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	goroutines := runtime.NumGoroutine()
	var before uint64
	for i := range n {
		s := NewMemSampler(MemSamplerOptions{KeyVizLabelsEnabled: true, KeyBucketsPerRoute: 8})
		s.RegisterRoute(1, nil, nil, 0)
		s.Observe(1, []byte("k"), OpRead, 1, LabelRedis)
		s.Flush()
		if i%3 == 0 {
			s.Close()
		}
		if i%100 == 99 {
			runtime.GC()
		}
		if i == n/5 {
			before = residentBytes(t)
		}
	}
	for range 10 {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	if after := residentBytes(t); after > before+32<<20 {
		t.Errorf("%d MiB resident after a fifth, %d MiB after all", before>>20, after>>20)
	}
	if now := runtime.NumGoroutine(); now > goroutines+2 {
		t.Errorf("%d goroutines, then %d", goroutines, now)
	}
}

func residentBytes(t *testing.T) uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	pages, err := strconv.ParseUint(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * uint64(os.Getpagesize())
}

// The collector runs all the time, and the stacks of observers move.
func TestObserversBesideTheCollector(t *testing.T) {
	s, clock := newTestSampler(t, MemSamplerOptions{KeyVizLabelsEnabled: true, KeyBucketsPerRoute: 4})
	s.RegisterRoute(1, nil, nil, 0)
	n := 100_000
	if testing.Short() {
		n = 2_000
	}
	var observing sync.WaitGroup
	var done atomic.Bool
	for range 4 {
		observing.Add(1)
		go func() {
			defer observing.Done()
			for i := range n {
				deep(i%50, func() { s.Observe(1, make([]byte, 8), OpRead, 0, LabelSQS) })
			}
		}()
	}
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		for !done.Load() {
			runtime.GC()
		}
	}()
	observing.Wait()
	done.Store(true)
	<-collected
	var sum counts
	sum.add(flushed(s, clock))
	if sum.reads != uint64(4*n) {
		t.Errorf("%d of %d", sum.reads, 4*n)
	}
}

// deep calls do from a stack that has grown.
func deep(frames int, do func()) byte {
	var room [256]byte
	if frames == 0 {
		do()
		return room[0]
	}
	return deep(frames-1, do) + room[frames]
}

func TestRoutesAreFoundWhereverTheirHashPutsThem(t *testing.T) {
	s, clock := newTestSampler(t, MemSamplerOptions{KeyVizLabelsEnabled: true})
	random := rand.New(rand.NewPCG(5, 6))
	want, missed := make(map[uint64]uint64), uint64(0)
	ids := []uint64{0, 1, math.MaxUint64 - 1<<20}
	for range 3_000 {
		ids = append(ids, random.Uint64N(math.MaxUint64-1<<20))
	}
	for i, id := range ids {
		s.RegisterRoute(id, nil, nil, 0)
		// Some go again, and some come back.
		if i%3 == 0 {
			s.RemoveRoute(id)
		}
		if i%6 == 0 {
			s.RegisterRoute(id, nil, nil, 0)
		}
	}
	for range 3 {
		for i, id := range ids {
			s.Observe(id, nil, OpRead, 0, LabelRedis)
			s.Observe(id^1<<63, nil, OpRead, 0, LabelRedis)
			missed++
			if i%3 == 0 && i%6 != 0 {
				missed++
			} else {
				want[id]++
			}
		}
	}
	got := make(map[uint64]uint64)
	for _, row := range flushed(s, clock).Rows {
		got[row.RouteID] += row.Reads
	}
	if !maps.Equal(got, want) {
		t.Errorf("%d routes counted, want %d", len(got), len(want))
	}
	if stats := s.Stats(); stats.Missed != missed {
		t.Errorf("%d missed, want %d", stats.Missed, missed)
	}
}
