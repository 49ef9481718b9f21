//go:build cgo

package keyviz

// #include "bridge.h"
import "C"

import (
	"bytes"
	"cmp"
	"runtime"
	"slices"
	"sync"
	"time"
	"unsafe"
)

// flush commits a column.
func (c *core) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.now()
	var sequence C.uint64_t
	status := C.kv_flush(c.handle, C.int64_t(c.clock.nanoseconds(now)), &sequence)
	runtime.KeepAlive(c)
	if status != C.KEYVIZ_OK {
		// Nothing was drained: the next flush has it.
		return
	}
	start := c.at
	// By the wall clock, as in the library.
	if !start.Round(0).Before(now.Round(0)) {
		start = now.Add(-c.options.Step)
	}
	c.columns.push(stamp{uint64(sequence), start, now})
	c.at = now
}

const (
	// parallelRows is how many rows of a snapshot are worth another goroutine, and parallelWalks how many there are at most.
	parallelRows  = 64 << 10
	parallelWalks = 4
)

// snapshot copies columns. Many are copied by several goroutines, which end before it returns.
func (c *core) snapshot(from, to time.Time) []MatrixColumn {
	defer runtime.KeepAlive(c)
	first, count, rows := c.walk(from, to)
	if first == nil {
		return nil
	}
	walks := []*C.keyviz_columns_t{first}
	n := min(runtime.GOMAXPROCS(0), parallelWalks, rows/parallelRows+1, count)
	for left := n; left > 1; left-- {
		var last *C.keyviz_columns_t
		C.keyviz_columns_split(first, C.size_t(count/n), &last, nil)
		walks = append(walks, last)
	}
	parts := make([][]copiedColumn, len(walks))
	var others sync.WaitGroup
	for i := range walks[1:] {
		others.Add(1)
		go func() {
			defer others.Done()
			parts[i+1] = c.copyColumns(walks, i+1, from, to)
		}()
	}
	parts[0] = c.copyColumns(walks, 0, from, to)
	others.Wait()
	for _, walk := range walks {
		C.keyviz_columns_free(walk)
	}
	copied := slices.Concat(parts...)
	slices.SortFunc(copied, func(a, b copiedColumn) int { return cmp.Compare(a.sequence, b.sequence) })
	columns := slices.Grow([]MatrixColumn(nil), len(copied))
	for _, one := range copied {
		columns = append(columns, one.MatrixColumn)
	}
	return columns
}

// copiedColumn is one with its number, which puts those of several goroutines in order.
type copiedColumn struct {
	sequence uint64
	MatrixColumn
}

// copyColumns copies the columns of one of the walks. At its end, it takes over those that are still to come in others, one by
// one: a goroutine may have begun late, or be on a slow processor.
func (c *core) copyColumns(walks []*C.keyviz_columns_t, i int, from, to time.Time) (columns []copiedColumn) {
	var slabs slabs
	for more := true; more; {
		c.eachColumn(walks[i], from, to, func(one stamp, column *storedColumn) bool {
			columns = append(columns, copiedColumn{one.sequence, MatrixColumn{one.windowStart, one.at, column.matrixRows(&slabs)}})
			return true
		})
		more = slices.ContainsFunc(walks, func(other *C.keyviz_columns_t) bool {
			var taken C.size_t
			C.keyviz_columns_take(walks[i], other, 1, &taken, nil)
			return taken > 0
		})
	}
	return columns
}

// visitColumns is a snapshot, column by column; false ends it.
func (c *core) visitColumns(from, to time.Time, visit func(MatrixColumn) bool) {
	defer runtime.KeepAlive(c)
	walk, _, _ := c.walk(from, to)
	if walk == nil {
		return
	}
	defer C.keyviz_columns_free(walk)
	c.eachColumn(walk, from, to, func(one stamp, column *storedColumn) bool {
		return visit(MatrixColumn{WindowStart: one.windowStart, At: one.at, Rows: column.matrixRows(&slabs{})})
	})
}

func (c *core) lineage(from, to time.Time) map[uint64][]uint64 {
	defer runtime.KeepAlive(c)
	walk, _, _ := c.walk(from, to)
	if walk == nil {
		return nil
	}
	defer C.keyviz_columns_free(walk)
	var parents map[uint64][]uint64
	c.eachColumn(walk, from, to, func(_ stamp, column *storedColumn) bool {
		for i := range column.counts() {
			about := column.about(&column.counts()[i])
			if about.parents_count == 0 {
				continue
			}
			if parents == nil {
				parents = make(map[uint64][]uint64)
			}
			parents[uint64(about.route_id)] = append([]uint64(nil), column.ids(about.parents_offset, about.parents_count)...)
		}
		return true
	})
	return parents
}

// walk begins a walk through the stored columns with from <= At < to, by the library's clock, as they stand now; nil: the
// sampler was closed.
func (c *core) walk(from, to time.Time) (walk *C.keyviz_columns_t, columns, rows int) {
	var count, sum C.size_t
	C.keyviz_columns_new(c.handle, c.bound(from, -1), c.bound(to, 1), &walk, &count, &sum, nil)
	return walk, int(count), int(sum)
}

// eachColumn visits the columns of a walk with from <= At < to, oldest first, until there are no more or the visitor has
// seen enough (false).
func (c *core) eachColumn(walk *C.keyviz_columns_t, from, to time.Time, visit func(stamp, *storedColumn) bool) {
	column := storedColumn{type_size: C.sizeof_keyviz_column_t}
	for C.keyviz_columns_next(walk, (*C.keyviz_column_t)(&column), nil) == C.KEYVIZ_OK {
		one := c.stampOf(&column)
		if (from.IsZero() || !one.at.Before(from)) && (to.IsZero() || one.at.Before(to)) && !visit(one, &column) {
			return
		}
	}
}

// bound is a time as a bound for the library, to which 0 means none; instead of that time, another one.
func (c *core) bound(t time.Time, instead C.int64_t) C.int64_t {
	if t.IsZero() {
		return 0
	}
	if ns := c.clock.nanoseconds(t); ns != 0 {
		return C.int64_t(ns)
	}
	return instead
}

// stampOf is a column's number and times: those that the host gave, where it is one flush's of this sampler.
func (c *core) stampOf(column *storedColumn) stamp {
	c.mu.Lock()
	defer c.mu.Unlock()
	if column.flushes == 1 {
		if one, ok := c.columns.find(uint64(column.sequence)); ok {
			return one
		}
	}
	start, at := c.clock.time(int64(column.window_start_ns)), c.clock.time(int64(column.at_ns))
	return stamp{uint64(column.sequence), start, at}
}

// storedColumn is a column in the library's memory, where it stays until the next one is read.
type storedColumn C.keyviz_column_t

func (s *storedColumn) counts() []C.keyviz_counts_t { return unsafe.Slice(s.rows, s.row_count) }

// about is what a row is about.
func (s *storedColumn) about(counts *C.keyviz_counts_t) *C.keyviz_row_t {
	return (*C.keyviz_row_t)(unsafe.Add(unsafe.Pointer(s.descriptions), uintptr(counts.description)*uintptr(s.description_size)))
}

func (s *storedColumn) ids(offset C.uint64_t, n C.uint32_t) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Add(s.arena, uintptr(offset))), int(n))
}

// slabs are what keys and member ids are copied into: many small ones in one allocation. No two share a byte, and none has
// room to grow into the next, so that a host may change what it got, and append to it.
type slabs struct {
	keys    []byte
	members []uint64
}

const slabBytes = 32 << 10

// bounds copies the bounds of a range, which lie in an arena; an empty one is nil.
func (s *slabs) bounds(arena unsafe.Pointer, about *C.keyviz_row_t) (start, end []byte) {
	startLen, endLen := int(about.start_len), int(about.end_len)
	from := len(s.keys)
	middle, to := from+startLen, from+startLen+endLen
	if to > cap(s.keys) {
		s.keys = make([]byte, 0, max(slabBytes, startLen+endLen))
		from, middle, to = 0, startLen, startLen+endLen
	}
	s.keys = s.keys[:to]
	if startLen > 0 {
		start = s.keys[from:middle:middle]
		copy(start, unsafe.Slice((*byte)(unsafe.Add(arena, uintptr(about.start_offset))), startLen))
	}
	if endLen > 0 {
		end = s.keys[middle:to:to]
		copy(end, unsafe.Slice((*byte)(unsafe.Add(arena, uintptr(about.end_offset))), endLen))
	}
	return start, end
}

func (s *slabs) ids(ids []uint64) []uint64 {
	if len(ids) == 0 {
		return nil
	}
	if cap(s.members)-len(s.members) < len(ids) {
		s.members = make([]uint64, 0, max(slabBytes/8, len(ids)))
	}
	from := len(s.members)
	s.members = append(s.members, ids...)
	return s.members[from:len(s.members):len(s.members)]
}

// boundsOfMost copies the bounds of most rows at once: a piece of the arena, and the offset of its first byte there. Bounds
// stand in the arena as they were first met, so those of a column's rows mostly lie side by side, with little else between.
func (s *storedColumn) boundsOfMost() (piece []byte, first uint64) {
	const worthRow = 96 // bytes that may be copied for a row
	counts := s.counts()
	from, last := s.about(&counts[0]), s.about(&counts[len(counts)-1])
	first = uint64(from.start_offset)
	to := uint64(last.end_offset) + uint64(last.end_len)
	if from.start_len > 0 && last.end_len > 0 && first < to && to-first <= worthRow*uint64(len(counts)) {
		piece = bytes.Clone(unsafe.Slice((*byte)(unsafe.Add(s.arena, uintptr(first))), int(to-first)))
	}
	return piece, first
}

// matrixRows copies the rows.
func (s *storedColumn) matrixRows(slabs *slabs) []MatrixRow {
	counts := s.counts()
	if len(counts) == 0 {
		return nil
	}
	rows := make([]MatrixRow, len(counts))
	piece, first := s.boundsOfMost()
	// What lies before it in the piece is some row's: two descriptions may share bytes, and no two rows may.
	used := first
	for i := range counts {
		from, to := &counts[i], &rows[i]
		about := s.about(from)
		to.RouteID = uint64(about.route_id)
		to.Aggregate = about.flags&C.KEYVIZ_ROW_AGGREGATE != 0
		to.MemberRoutesTotal = uint64(about.member_routes_total)
		to.RaftGroupID = uint64(about.group_id)
		to.LeaderTerm = uint64(about.leader_term)
		to.SubBucket, to.SubBucketCount = int(about.sub_bucket), int(about.sub_bucket_count)
		to.Reads, to.Writes = uint64(from.reads), uint64(from.writes)
		to.ReadBytes, to.WriteBytes = uint64(from.read_bytes), uint64(from.write_bytes)
		to.Label = labels[from.label]
		start, end := uint64(about.start_offset), uint64(about.end_offset)
		startTo, endTo := start+uint64(about.start_len), end+uint64(about.end_len)
		if used <= start && start < startTo && startTo <= end && end < endTo && endTo-first <= uint64(len(piece)) {
			used = endTo
			to.Start = piece[start-first : startTo-first : startTo-first]
			to.End = piece[end-first : endTo-first : endTo-first]
		} else {
			to.Start, to.End = slabs.bounds(s.arena, about)
		}
		if about.member_routes_count > 0 {
			to.MemberRoutes = slabs.ids(s.ids(about.member_routes_offset, about.member_routes_count))
		}
	}
	return rows
}
