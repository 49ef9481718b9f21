//go:build cgo

package keyviz

// #include "bridge.h"
import "C"

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// The hot layout, version 3, of a 64-bit library: where Observe finds what it needs in the library's memory (see
// keyviz_hot_layout_t in keyviz.h). These are its structures; readLayout compares them with what the linked library
// says.
//
// Addresses in it are numbers on this side (see at).
type (
	// table is the route table: the address of its entries, which is a multiple of 64, and in the low 6 bits the shift
	// of the hash, which is 64 less the logarithm of their number.
	table uint64

	// entry is a route. The place is published after the id.
	entry struct {
		id, place uint64
	}

	// lane is a set of counters.
	lane struct {
		inside       uint64 // 1 in a passage, 0 outside
		_            uint64
		missed       uint64
		stageAddress uintptr     // of its stage; 0: hot keys are off
		segments     [32]segment // by the number of a cell's highest bit
	}

	// segment is where cells lie; 0: not mapped. Both addresses are moved back, so that cell numbers count from 0.
	segment struct {
		counters uintptr // of cell
		marks    uintptr // a byte per 2^blockBits cells
	}

	// cell has the reads, writes, read bytes and write bytes of a slot or a part of it.
	cell [4]uint64

	// sharedPassages are those of the shared lane.
	sharedPassages struct {
		generation uint64
		inside     [2]uint64
	}

	// divided is a divided route. Its cells lie in one segment.
	divided struct {
		first   uint32 // first cell
		stride  uint16 // cells from label to label
		segment uint16 // as in a direct place
		parts   parts
		head    head
		prefix  uintptr // what the range's bounds share
	}

	// parts is how its range is cut.
	parts struct {
		prefixLen uint32
		count     uint16 // number of parts
		shift     uint16
		low       uint64 // window of the range's start
		span      uint64 // window of the range's end, less low
		ratio     uint64 // floor(count * 2^(64 + shift) / span)
	}

	// head is how a key begins that has the prefix, where that is of at most 8 bytes; otherwise no key does.
	head struct {
		mask, bytes uint64
	}
)

const (
	layoutVersion = 3
	hashFactor    = 0x9e37_79b9_7f4a_7c15
	blockBits     = 6

	// The low bits of a place.
	placeDirect  = 1
	placeDivided = 2
	placeBucket  = 8 // beside placeDirect: a virtual bucket

	entrySize = unsafe.Sizeof(entry{})

	// In a direct place: the mask that labels pass, and the offset of the segment of its cells, which is 16 times the
	// number of their highest bit.
	placeLabels  = 9
	placeSegment = 0x1f0
	// The mask in its place.
	placeLabelMask = 0xffff << placeLabels

	// The same place in bytes: shifted so far, it is the first cell's offset, and the mask that label offsets pass.
	placeFirstOffset  = 32 - 5
	placeLabelOffsets = placeLabels - 5

	// An offset shifted so far is the number of its block.
	blockOffsetBits = blockBits + 5
)

// at is the memory at an address in the library. A moved address may point anywhere, and a pointer to anywhere is
// nothing that the garbage collector should see: so they are numbers until the one place that is meant is known.
func at(address uintptr) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(nil), address)
}

// acquire loads an address, or the table, that a thread of the library publishes after what it points to. On amd64 loads
// are seen in their order, and a plain one leaves the compiler more freedom.
func acquire[T uintptr | uint64](address *T) T {
	if runtime.GOARCH == "amd64" {
		return *address
	}
	return T(atomic.LoadUint64((*uint64)(unsafe.Pointer(address))))
}

// release stores what a thread of the library acquires, after what it stands for. On amd64 stores are seen in their order.
func release(address *uint64, value uint64) {
	if runtime.GOARCH == "amd64" {
		*address = value
	} else {
		atomic.StoreUint64(address, value)
	}
}

// readLayout makes the core count in place, if the library's layout is the one that this package knows.
func (c *core) readLayout() {
	layout := C.keyviz_hot_layout_t{type_size: C.sizeof_keyviz_hot_layout_t}
	if C.keyviz_hot_layout(c.handle, &layout, nil) != C.KEYVIZ_OK || !isKnown(&layout) {
		return
	}
	c.table = (*uint64)(layout.table)
	c.shared = (*lane)(layout.shared_lane)
	c.passages = (*sharedPassages)(layout.shared_passages)
	series := uint32(0)
	if c.options.HotKeysEnabled {
		c.sampling = newSampling(&c.options, c.hotKeysSeries)
		series = c.sampling.series
	}
	c.labels = newLabelTable(&c.options, series)
}

type hotLayout = C.keyviz_hot_layout_t

func isKnown(layout *hotLayout) bool {
	const inParts, inHead = unsafe.Offsetof(divided{}.parts), unsafe.Offsetof(divided{}.head)
	for _, offset := range [][2]uintptr{
		{uintptr(layout.lane_passages), unsafe.Offsetof(lane{}.inside)},
		{uintptr(layout.lane_missed), unsafe.Offsetof(lane{}.missed)},
		{uintptr(layout.lane_segments), unsafe.Offsetof(lane{}.segments)},
		{uintptr(layout.divided_first), unsafe.Offsetof(divided{}.first)},
		{uintptr(layout.divided_stride), unsafe.Offsetof(divided{}.stride)},
		{uintptr(layout.divided_count), inParts + unsafe.Offsetof(parts{}.count)},
		{uintptr(layout.divided_prefix_len), inParts + unsafe.Offsetof(parts{}.prefixLen)},
		{uintptr(layout.divided_low), inParts + unsafe.Offsetof(parts{}.low)},
		{uintptr(layout.divided_span), inParts + unsafe.Offsetof(parts{}.span)},
		{uintptr(layout.divided_ratio), inParts + unsafe.Offsetof(parts{}.ratio)},
		{uintptr(layout.divided_shift), inParts + unsafe.Offsetof(parts{}.shift)},
		{uintptr(layout.divided_head_mask), inHead + unsafe.Offsetof(head{}.mask)},
		{uintptr(layout.divided_head), inHead + unsafe.Offsetof(head{}.bytes)},
		{uintptr(layout.divided_prefix), unsafe.Offsetof(divided{}.prefix)},
		{uintptr(layout.divided_segment), unsafe.Offsetof(divided{}.segment)},
	} {
		if offset[0] != offset[1] {
			return false
		}
	}
	return layout.version == layoutVersion && isKnownStage(layout) && layout.hash_factor == hashFactor && layout.block_bits == blockBits &&
		bits.UintSize == 64
}
