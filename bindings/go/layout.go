//go:build cgo

package keyviz

// #include "bridge.h"
import "C"

import (
	"math/bits"
	"runtime"
	"unsafe"
)

// The hot layout, version 1, of a 64-bit library: where Observe finds what it needs in the library's memory (see
// keyviz_hot_layout_t in keyviz.h). Constants, so that Observe reads none of it; readLayout compares them with what
// the linked library says.
const (
	layoutVersion = 1

	hashFactor   = 0x9e37_79b9_7f4a_7c15
	tableEntries = 0
	tableMask    = 8
	tableShift   = 16

	entrySize  = 16
	entryPlace = 8

	lanePassages = 0
	laneMissed   = 8
	laneSegments = 16
	segmentSize  = 16
	segmentMarks = 8
	cellSize     = 32
	blockBits    = 6

	dividedFirst  = 0
	dividedStride = 4
	dividedParts  = 8
	dividedPrefix = 40
)

// The low bits of a place.
const (
	placeTag     = 3
	placeDirect  = 1
	placeDivided = 2
)

// parts is how the range of a divided route is cut, as it lies in the library's memory.
type parts struct {
	count     uint32 // number of parts
	prefixLen uint32 // length of the prefix that the range's bounds share
	low       uint64 // window of the range's start
	span      uint64 // window of the range's end, less low
	ratio     uint64 // floor(count * 2^64 / span)
}

// readLayout makes the core count in place, if the library's layout is the one that this package knows.
func (c *core) readLayout() {
	layout := C.keyviz_hot_layout_t{type_size: C.sizeof_keyviz_hot_layout_t}
	if C.keyviz_hot_layout(c.handle, &layout, nil) != C.KEYVIZ_OK || !knows(&layout) {
		return
	}
	c.table = uintptr(layout.table)
	c.shared = uintptr(layout.shared_lane)
	c.passages = uintptr(layout.shared_passages)
	c.lanes = make([]uintptr, min(maxLanes, max(64, 4*runtime.GOMAXPROCS(0))))
}

func knows(layout *C.keyviz_hot_layout_t) bool {
	type offsets struct {
		version                                                   uint32
		factor                                                    uint64
		entries, mask, shift, passages, missed, segments, block   uint32
		first, stride, count, prefixLen, low, span, ratio, prefix uint32
	}
	theirs := offsets{
		version: uint32(layout.version),
		factor:  uint64(layout.hash_factor),
		entries: uint32(layout.table_entries), mask: uint32(layout.table_mask), shift: uint32(layout.table_shift),
		passages: uint32(layout.lane_passages), missed: uint32(layout.lane_missed),
		segments: uint32(layout.lane_segments), block: uint32(layout.block_bits),
		first: uint32(layout.divided_first), stride: uint32(layout.divided_stride),
		count: uint32(layout.divided_count), prefixLen: uint32(layout.divided_prefix_len),
		low: uint32(layout.divided_low), span: uint32(layout.divided_span), ratio: uint32(layout.divided_ratio),
		prefix: uint32(layout.divided_prefix),
	}
	part := func(offset uintptr) uint32 { return uint32(dividedParts + offset) }
	ours := offsets{
		version: layoutVersion,
		factor:  hashFactor,
		entries: tableEntries, mask: tableMask, shift: tableShift,
		passages: lanePassages, missed: laneMissed, segments: laneSegments, block: blockBits,
		first: dividedFirst, stride: dividedStride,
		count: part(unsafe.Offsetof(parts{}.count)), prefixLen: part(unsafe.Offsetof(parts{}.prefixLen)),
		low: part(unsafe.Offsetof(parts{}.low)), span: part(unsafe.Offsetof(parts{}.span)),
		ratio: part(unsafe.Offsetof(parts{}.ratio)), prefix: dividedPrefix,
	}
	return theirs == ours && bits.UintSize == 64
}
