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

// columnBuffer is what columns are read into.
type columnBuffer struct {
	rows  []C.keyviz_row_t
	arena []uint64
	size  C.kv_size_t
	// window is that of the column that was read.
	window C.kv_window_t
}

func (c *core) snapshot(from, to time.Time) []MatrixColumn {
	var columns []MatrixColumn
	c.eachColumn(from, to, func(one stamp, buffer *columnBuffer) {
		columns = append(columns, MatrixColumn{WindowStart: one.windowStart, At: one.at, Rows: buffer.matrixRows()})
	})
	return columns
}

func (c *core) lineage(from, to time.Time) map[uint64][]uint64 {
	var parents map[uint64][]uint64
	c.eachColumn(from, to, func(_ stamp, buffer *columnBuffer) {
		for i := range buffer.rows[:buffer.size.row_count] {
			row := &buffer.rows[i]
			if row.parents_count == 0 {
				continue
			}
			if parents == nil {
				parents = make(map[uint64][]uint64)
			}
			parents[uint64(row.route_id)] = append([]uint64(nil), buffer.ids(row.parents_offset, row.parents_count)...)
		}
	})
	return parents
}

// eachColumn reads the stored columns with from <= At < to, oldest first.
func (c *core) eachColumn(from, to time.Time, visit func(stamp, *columnBuffer)) {
	defer runtime.KeepAlive(c)
	var sequence, count C.uint64_t
	C.keyviz_sampler_column_range(c.handle, c.bound(from, -1), c.bound(to, 1), &sequence, &count)
	buffer := columnBuffer{rows: make([]C.keyviz_row_t, 64), arena: make([]uint64, 512)}
	for ; count > 0; count-- {
		if !buffer.read(c, uint64(sequence)) {
			// It has left the history since, or the sampler was closed.
			sequence++
			continue
		}
		sequence = buffer.window.sequence + 1
		one := c.stampOf(&buffer.window)
		if (from.IsZero() || !one.at.Before(from)) && (to.IsZero() || one.at.Before(to)) {
			visit(one, &buffer)
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
func (c *core) stampOf(window *C.kv_window_t) stamp {
	c.mu.Lock()
	defer c.mu.Unlock()
	if window.flushes == 1 {
		if one, ok := c.columns.find(uint64(window.sequence)); ok {
			return one
		}
	}
	start, at := c.clock.time(int64(window.window_start_ns)), c.clock.time(int64(window.at_ns))
	return stamp{uint64(window.sequence), start, at}
}

func (b *columnBuffer) read(c *core, sequence uint64) bool {
	for {
		b.size = C.kv_size_t{row_count: C.uint64_t(len(b.rows)), arena_used: C.uint64_t(8 * len(b.arena))}
		status := C.kv_read_column(c.handle, C.uint64_t(sequence), &b.rows[0], (*C.uint64_t)(&b.arena[0]), &b.size,
			&b.window)
		if status != C.KEYVIZ_ERR_BUFFER_TOO_SMALL {
			return status == C.KEYVIZ_OK
		}
		if n := int(b.size.row_count); n > len(b.rows) {
			b.rows = make([]C.keyviz_row_t, n+n/4)
		}
		if n := int(b.size.arena_used+7) / 8; n > len(b.arena) {
			b.arena = make([]uint64, n+n/4)
		}
	}
}

func (b *columnBuffer) bytes(offset C.uint64_t, n C.uint32_t) []byte {
	arena := unsafe.Slice((*byte)(unsafe.Pointer(&b.arena[0])), 8*len(b.arena))
	return arena[offset : uint64(offset)+uint64(n)]
}

func (b *columnBuffer) ids(offset C.uint64_t, n C.uint32_t) []uint64 {
	return b.arena[offset/8 : uint64(offset/8)+uint64(n)]
}

// matrixRows copies the rows. They share no memory with one another, so that a host may change what it got.
func (b *columnBuffer) matrixRows() []MatrixRow {
	raw := b.rows[:b.size.row_count]
	if len(raw) == 0 {
		return nil
	}
	var keyBytes, memberCount int
	for i := range raw {
		keyBytes += int(raw[i].start_len) + int(raw[i].end_len)
		memberCount += int(raw[i].member_routes_count)
	}
	keys, members := make([]byte, 0, keyBytes), make([]uint64, 0, memberCount)
	key := func(offset C.uint64_t, n C.uint32_t) []byte {
		if n == 0 {
			return nil
		}
		from := len(keys)
		keys = append(keys, b.bytes(offset, n)...)
		return keys[from:len(keys):len(keys)]
	}
	rows := make([]MatrixRow, len(raw))
	for i := range raw {
		row := &raw[i]
		to := &rows[i]
		*to = MatrixRow{
			RouteID:           uint64(row.route_id),
			Label:             labels[row.label],
			Start:             key(row.start_offset, row.start_len),
			End:               key(row.end_offset, row.end_len),
			Aggregate:         row.flags&C.KEYVIZ_ROW_AGGREGATE != 0,
			MemberRoutesTotal: uint64(row.member_routes_total),
			RaftGroupID:       uint64(row.group_id),
			LeaderTerm:        uint64(row.leader_term),
			SubBucket:         int(row.sub_bucket),
			SubBucketCount:    int(row.sub_bucket_count),
			Reads:             uint64(row.reads),
			Writes:            uint64(row.writes),
			ReadBytes:         uint64(row.read_bytes),
			WriteBytes:        uint64(row.write_bytes),
		}
		if n := row.member_routes_count; n > 0 {
			from := len(members)
			members = append(members, b.ids(row.member_routes_offset, n)...)
			to.MemberRoutes = members[from:len(members):len(members)]
		}
	}
	return rows
}
