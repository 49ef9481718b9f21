//go:build cgo

package keyviz

// #include "bridge.h"
import "C"

import (
	"runtime"
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

func (c *core) snapshot(from, to time.Time) []MatrixColumn {
	var columns []MatrixColumn
	var slabs slabs
	c.eachColumn(from, to, func(one stamp, column *storedColumn) {
		columns = append(columns, MatrixColumn{WindowStart: one.windowStart, At: one.at, Rows: column.matrixRows(&slabs)})
	})
	return columns
}

func (c *core) lineage(from, to time.Time) map[uint64][]uint64 {
	var parents map[uint64][]uint64
	c.eachColumn(from, to, func(_ stamp, column *storedColumn) {
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
	})
	return parents
}

// eachColumn visits the stored columns with from <= At < to, oldest first, as they stand now.
func (c *core) eachColumn(from, to time.Time, visit func(stamp, *storedColumn)) {
	defer runtime.KeepAlive(c)
	var walk *C.keyviz_columns_t
	if C.keyviz_columns_new(c.handle, c.bound(from, -1), c.bound(to, 1), &walk, nil, nil) != C.KEYVIZ_OK {
		return // It was closed.
	}
	defer C.keyviz_columns_free(walk)
	column := storedColumn{type_size: C.sizeof_keyviz_column_t}
	for C.keyviz_columns_next(walk, (*C.keyviz_column_t)(&column), nil) == C.KEYVIZ_OK {
		one := c.stampOf(&column)
		if (from.IsZero() || !one.at.Before(from)) && (to.IsZero() || one.at.Before(to)) {
			visit(one, &column)
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

func (s *storedColumn) bytes(offset C.uint64_t, n C.uint32_t) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(s.arena, uintptr(offset))), int(n))
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

func (s *slabs) key(key []byte) []byte {
	if len(key) == 0 {
		return nil
	}
	if cap(s.keys)-len(s.keys) < len(key) {
		s.keys = make([]byte, 0, max(slabBytes, len(key)))
	}
	from := len(s.keys)
	s.keys = append(s.keys, key...)
	return s.keys[from:len(s.keys):len(s.keys)]
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

// matrixRows copies the rows.
func (s *storedColumn) matrixRows(slabs *slabs) []MatrixRow {
	counts := s.counts()
	if len(counts) == 0 {
		return nil
	}
	rows := make([]MatrixRow, len(counts))
	for i := range counts {
		from, to := &counts[i], &rows[i]
		about := s.about(from)
		to.RouteID = uint64(about.route_id)
		to.Label = labels[from.label]
		to.Start = slabs.key(s.bytes(about.start_offset, about.start_len))
		to.End = slabs.key(s.bytes(about.end_offset, about.end_len))
		to.Aggregate = about.flags&C.KEYVIZ_ROW_AGGREGATE != 0
		if about.member_routes_count > 0 {
			to.MemberRoutes = slabs.ids(s.ids(about.member_routes_offset, about.member_routes_count))
		}
		to.MemberRoutesTotal = uint64(about.member_routes_total)
		to.RaftGroupID = uint64(about.group_id)
		to.LeaderTerm = uint64(about.leader_term)
		to.SubBucket, to.SubBucketCount = int(about.sub_bucket), int(about.sub_bucket_count)
		to.Reads, to.Writes = uint64(from.reads), uint64(from.writes)
		to.ReadBytes, to.WriteBytes = uint64(from.read_bytes), uint64(from.write_bytes)
	}
	return rows
}
