//go:build cgo && !keyviz_cgo

package keyviz

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// at is the memory at an address in the library. Addresses there are numbers on this side: some are moved back by a
// multiple of their elements' size, and a pointer to nowhere is nothing that the garbage collector should see.
func at(address uintptr) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(nil), address)
}

func load32(address uintptr) uint32   { return *(*uint32)(at(address)) }
func load64(address uintptr) uint64   { return *(*uint64)(at(address)) }
func loadPtr(address uintptr) uintptr { return *(*uintptr)(at(address)) }

// acquire64 and acquirePtr load what a thread of the library publishes.
func acquire64(address uintptr) uint64   { return atomic.LoadUint64((*uint64)(at(address))) }
func acquirePtr(address uintptr) uintptr { return atomic.LoadUintptr((*uintptr)(at(address))) }

// segmentOf is where a lane keeps the addresses of a cell's segment.
func segmentOf(lane uintptr, cell uint32) uintptr {
	return lane + laneSegments - segmentSize + segmentSize*uintptr(bits.Len32(cell))
}

// cellOf is the cell of an observation that the place of its route leads to; 0: there is none, it counts nowhere.
func cellOf(place uint64, key []byte, label uint32) uint32 {
	switch place & placeTag {
	case placeDirect:
		stride := uint32(place) >> 2
		if label == numberUnknown && stride != 0 {
			return 0
		}
		return uint32(place>>32) + label*stride
	case placeDivided:
		if label == numberUnknown {
			return 0
		}
		divided := uintptr(place - placeDivided)
		p := (*parts)(at(divided + dividedParts))
		prefix := unsafe.Slice((*byte)(at(loadPtr(divided+dividedPrefix))), p.prefixLen)
		return load32(divided+dividedFirst) + label*load32(divided+dividedStride) + p.index(prefix, key)
	}
	return 0
}

// index is the part in which a key lies. prefix is what the range's bounds share. It is the arithmetic of the library's
// sub_bucket.rs, which also says why it is exact.
func (p *parts) index(prefix, key []byte) uint32 {
	if !bytes.HasPrefix(key, prefix) {
		if bytes.Compare(key, prefix) < 0 {
			return 0
		}
		return p.count - 1
	}
	w := window(key[len(prefix):])
	if w <= p.low {
		return 0
	}
	distance := w - p.low
	if distance >= p.span {
		return p.count - 1
	}
	estimate, _ := bits.Mul64(distance, p.ratio)
	// One less than the quotient, if (estimate + 1) * span <= distance * count.
	high, low := bits.Mul64(distance, uint64(p.count))
	nextHigh, nextLow := bits.Mul64(estimate+1, p.span)
	if nextHigh < high || nextHigh == high && nextLow <= low {
		estimate++
	}
	return uint32(estimate)
}

// window is the first 8 bytes as a big-endian number, zeros where there are fewer.
func window(b []byte) uint64 {
	if len(b) >= 8 {
		return binary.BigEndian.Uint64(b)
	}
	var w uint64
	for i, one := range b {
		w |= uint64(one) << (56 - 8*i)
	}
	return w
}

// observeShared counts in the lane that is everybody's, with atomic additions.
func (c *core) observeShared(routeID uint64, key []byte, op Op, size uint64, label uint32) {
	for {
		inside := (*uint64)(at(c.passages + 8 + 8*uintptr(acquire64(c.passages)&1)))
		atomic.AddUint64(inside, 1)
		cell := cellOf(find(acquirePtr(c.table), routeID), key, label)
		if cell == 0 {
			atomic.AddUint64((*uint64)(at(c.shared+laneMissed)), 1)
			atomic.AddUint64(inside, ^uint64(0))
			return
		}
		segment := segmentOf(c.shared, cell)
		if counters := acquirePtr(segment); counters != 0 {
			counter := counters + cellSize*uintptr(cell) + 8*uintptr(op)
			atomic.AddUint64((*uint64)(at(counter)), 1)
			atomic.AddUint64((*uint64)(at(counter+16)), size)
			*(*uint8)(at(loadPtr(segment+segmentMarks) + uintptr(cell>>blockBits))) = 1
			atomic.AddUint64(inside, ^uint64(0))
			return
		}
		atomic.AddUint64(inside, ^uint64(0))
		if !c.reserve(c.shared, cell) {
			// The library either finds the memory yet, or tells it in its statistics.
			c.cross(routeID, key, op, size, label)
			return
		}
	}
}

// find is the place of a route; its tag is neither placeDirect nor placeDivided if there is none.
func find(table uintptr, routeID uint64) uint64 {
	entries, mask := loadPtr(table+tableEntries), load64(table+tableMask)
	for i := routeID * hashFactor >> (load32(table+tableShift) & 63); ; i++ {
		entry := entries + entrySize*uintptr(i&mask)
		// The place is loaded first: it is published after its id.
		place := acquire64(entry + entryPlace)
		if place == 0 || load64(entry) == routeID {
			return place
		}
	}
}
