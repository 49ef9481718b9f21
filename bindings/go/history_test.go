//go:build cgo

package keyviz

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func newTestSamplerWith(t *testing.T, opts MemSamplerOptions, more MoreOptions) (*MemSampler, *fakeClock) {
	t.Helper()
	clock := newFakeClock()
	opts.Now = clock.Now
	s, err := NewMemSamplerWith(opts, more)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, clock
}

// busy flushes n columns, the i-th with i reads.
func busy(s *MemSampler, clock *fakeClock, n int) {
	s.RegisterRoute(1, []byte("a"), []byte("z"), 7)
	for i := range n {
		for range i {
			s.Observe(1, []byte("key"), OpRead, 1, LabelLegacy)
		}
		clock.Advance(s.Step())
		s.Flush()
	}
}

func all(s *MemSampler) []MatrixColumn { return s.Snapshot(time.Time{}, time.Time{}) }

func reads(columns []MatrixColumn) (sum uint64) {
	for _, column := range columns {
		for _, row := range column.Rows {
			sum += row.Reads
		}
	}
	return sum
}

func TestASavedHistoryIsLoadedAsItWas(t *testing.T) {
	s, clock := newTestSampler(t, MemSamplerOptions{HistoryColumns: 20})
	busy(s, clock, 30)
	image, err := s.SaveHistory()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "history")
	if err := s.SaveHistoryFile(path); err != nil {
		t.Fatal(err)
	}
	if file, err := os.ReadFile(path); err != nil || !reflect.DeepEqual(file, image) {
		t.Errorf("the file holds something else: %v", err)
	}
	for name, load := range map[string]func(*MemSampler) error{
		"bytes": func(s *MemSampler) error { return s.LoadHistory(image) },
		"file":  func(s *MemSampler) error { return s.LoadHistoryFile(path) },
	} {
		restarted, clock2 := newTestSampler(t, MemSamplerOptions{HistoryColumns: 21})
		clock2.Advance(clock.Now().Sub(clock2.Now()))
		if err := load(restarted); err != nil {
			t.Fatal(name, err)
		}
		before, after := all(s), all(restarted)
		if len(before) != 20 || len(after) != 20 {
			t.Fatalf("%s: %d and %d columns", name, len(before), len(after))
		}
		for i := range before {
			if !after[i].At.Equal(before[i].At) || !after[i].WindowStart.Equal(before[i].WindowStart) ||
				!reflect.DeepEqual(after[i].Rows, before[i].Rows) {
				t.Errorf("%s: %v, saved as %v", name, after[i], before[i])
			}
		}
		// It goes on: the loaded columns, and behind them the new one with its very time.
		at := clock2.Advance(restarted.Step())
		restarted.Flush()
		if columns := all(restarted); len(columns) != 21 || columns[20].At != at || columns[0].At != after[0].At {
			t.Errorf("%s: %d columns after a flush", name, len(columns))
		}
		if load(restarted) == nil {
			t.Error(name, "a history was loaded after a flush")
		}
		if some := restarted.Snapshot(before[3].At, before[5].At); len(some) != 2 || reads(some) != reads(before[3:5]) {
			t.Errorf("%s: %d columns of two", name, len(some))
		}
	}
}

func TestADamagedHistoryIsRefusedAndChangesNothing(t *testing.T) {
	s, clock := newTestSampler(t, MemSamplerOptions{})
	busy(s, clock, 5)
	image, err := s.SaveHistory()
	if err != nil {
		t.Fatal(err)
	}
	fresh, _ := newTestSampler(t, MemSamplerOptions{})
	for cut := range image {
		if err := fresh.LoadHistory(image[:cut]); !errors.Is(err, ErrCorruptHistory) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
	newer := append([]byte(nil), image...)
	newer[8]++
	if err := fresh.LoadHistory(newer); !errors.Is(err, ErrNewerHistory) {
		t.Errorf("newer: %v", err)
	}
	if err := fresh.LoadHistoryFile(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("a file that isn't there was loaded")
	}
	if err := fresh.SaveHistoryFile("a\x00b"); err == nil {
		t.Error("a path with a zero byte was taken")
	}
	if len(all(fresh)) != 0 {
		t.Error("something was loaded")
	}
}

func TestColumnsThatLeaveTheHistoryAreSummedUp(t *testing.T) {
	more := MoreOptions{Resolutions: []Resolution{{5 * time.Minute, time.Hour}, {time.Hour, 24 * time.Hour}}}
	s, clock := newTestSamplerWith(t, MemSamplerOptions{HistoryColumns: 10}, more)
	busy(s, clock, 200)
	columns := all(s)
	if got, want := reads(columns), uint64(200*199/2); got != want {
		t.Errorf("%d reads of %d", got, want)
	}
	widths := map[time.Duration]int{}
	for i, column := range columns {
		widths[column.At.Sub(column.WindowStart)]++
		if i > 0 && !column.WindowStart.Equal(columns[i-1].At) {
			t.Errorf("column %d begins at %v, the one before ends at %v", i, column.WindowStart, columns[i-1].At)
		}
	}
	if widths[time.Hour] < 1 || widths[5*time.Minute] < 10 || widths[time.Minute] < 10 {
		t.Errorf("columns by width: %v", widths)
	}
	if newest := columns[len(columns)-1]; newest.At != clock.Now() {
		t.Errorf("the newest column is of %v, not %v", newest.At, clock.Now())
	}
	if _, err := NewMemSamplerWith(MemSamplerOptions{}, MoreOptions{Resolutions: make([]Resolution, 5)}); err == nil {
		t.Error("five resolutions were taken")
	}
	bad := MoreOptions{Resolutions: []Resolution{{time.Hour, time.Hour}, {time.Minute, time.Hour}}}
	if s, err := NewMemSamplerWith(MemSamplerOptions{}, bad); err == nil || s != nil {
		t.Error("resolutions that get finer were taken")
	}
}

func TestTheMemoryLimitHolds(t *testing.T) {
	const limit = 4 << 20
	s, clock := newTestSamplerWith(t, MemSamplerOptions{MaxTrackedRoutes: 1 << 20}, MoreOptions{MemoryLimitBytes: limit})
	folded := 0
	for id := range uint64(20_000) {
		if !s.RegisterRoute(id, nil, nil, 1) {
			folded++
		}
	}
	for range 20 {
		for id := range uint64(20_000) {
			s.Observe(id, nil, OpWrite, 1, LabelLegacy)
		}
		clock.Advance(s.Step())
		s.Flush()
	}
	stats := s.Stats()
	if folded == 0 || stats.CounterBytes+stats.RouteBytes+stats.HistoryBytes > limit {
		t.Errorf("%d folded, %+v", folded, stats)
	}
}

func TestTheHistoryOfANilSampler(t *testing.T) {
	var s *MemSampler
	image, err := s.SaveHistory()
	if image != nil || err != nil || s.LoadHistory(nil) != nil || s.SaveHistoryFile("x") != nil || s.LoadHistoryFile("x") != nil {
		t.Error("something happened")
	}
}
