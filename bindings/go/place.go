//go:build cgo && !keyviz_cgo

package keyviz

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// at is an entry of the table, if i is below their number.
func (t table) at(i uint64) *entry {
	return (*entry)(at(uintptr(t&^63) + unsafe.Sizeof(entry{})*uintptr(i)))
}

// home is where the search for a route begins.
func (t table) home(routeID uint64) uint64 {
	return routeID * hashFactor >> (t & 63)
}

// find is the place of a route. If there is none, it is neither direct nor divided.
func (t table) find(routeID uint64) uint64 {
	mask := ^uint64(0) >> (t & 63)
	for i := t.home(routeID); ; i++ {
		entry := t.at(i & mask)
		// The place is loaded first: it is published after its id.
		place := atomic.LoadUint64(&entry.place)
		if entry.id == routeID || place == 0 {
			return place
		}
	}
}

// segment is the segment of a cell.
func (l *lane) segment(number uint32) *segment {
	return &l.segments[(bits.Len32(number)-1)&31]
}

// segmentAt is the segment at an offset among them.
func (l *lane) segmentAt(offset uint64) *segment {
	return (*segment)(unsafe.Add(unsafe.Pointer(&l.segments), offset))
}

// segmentOf is the segment of a direct place's cells.
func (l *lane) segmentOf(place uint64) *segment {
	return l.segmentAt(place & placeSegment)
}

// cellAt is a cell of the segment, which is mapped at counters.
func cellAt(counters uintptr, number uint32) *cell {
	return (*cell)(at(counters + unsafe.Sizeof(cell{})*uintptr(number)))
}

// mark tells the next drain that cells beside this one have counted. The look first is for the shared lane, whose marks
// every core would write.
func (s *segment) mark(number uint32) {
	if mark := (*uint8)(at(s.marks + uintptr(number>>blockBits))); *mark == 0 {
		*mark = 1
	}
}

// cellOf is the number of an observation's cell, by the place of its route; 0: there is none, it counts nowhere.
func cellOf(place uint64, key []byte, label uint32) uint32 {
	switch {
	case place&placeDirect != 0:
		labels := uint32(place) >> placeLabels
		if label == numberUnknown && labels != 0 {
			return 0
		}
		return uint32(place>>32) + label&labels
	case place&placeDivided != 0:
		if label == numberUnknown {
			return 0
		}
		return dividedAt(place).cell(key, label)
	}
	return 0
}

// dividedAt is the divided route of a place.
func dividedAt(place uint64) *divided {
	return (*divided)(at(uintptr(place - placeDivided)))
}

// cell is the number of the cell of a label's observation.
func (d *divided) cell(key []byte, label uint32) uint32 {
	return d.first + label*uint32(d.stride) + d.index(key)
}

// index is the part in which a key lies. It is the arithmetic of the library's sub_bucket.rs, which also says why it is
// exact.
//
//go:noinline
func (d *divided) index(key []byte) uint32 {
	// What nearly all keys are: of 8 bytes or more after a prefix of at most 8, and not at an edge.
	if prefixLen := int(d.parts.prefixLen); len(key)-8 >= prefixLen && d.head.matches(unsafe.Pointer(unsafe.SliceData(key))) {
		if distance := binary.BigEndian.Uint64(key[prefixLen:]) - d.parts.low; distance < d.parts.span {
			if part, ok := d.parts.quotient(distance); ok {
				return uint32(part)
			}
		}
	}
	var prefix []byte
	if d.parts.prefixLen > 0 { // otherwise the address means nothing
		prefix = unsafe.Slice((*byte)(at(d.prefix)), d.parts.prefixLen)
	}
	if !bytes.HasPrefix(key, prefix) {
		if bytes.Compare(key, prefix) < 0 {
			return 0
		}
		return uint32(d.parts.count) - 1
	}
	w := window(key[len(prefix):])
	if w <= d.parts.low {
		return 0
	}
	distance := w - d.parts.low
	if distance >= d.parts.span {
		return uint32(d.parts.count) - 1
	}
	if part, ok := d.parts.quotient(distance); ok {
		return uint32(part)
	}
	// floor(count * distance / span)
	high, low := bits.Mul64(distance, uint64(d.parts.count))
	part, _ := bits.Div64(high, low, d.parts.span)
	return uint32(part)
}

// matches tells whether a key, of at least 8 bytes, begins so.
func (h *head) matches(key unsafe.Pointer) bool {
	return binary.LittleEndian.Uint64((*[8]byte)(key)[:])&h.mask == h.bytes
}

// hasLongPrefix tells whether the key, of at least prefixLen bytes, has the prefix, and that is longer than 8 bytes.
func (d *divided) hasLongPrefix(key unsafe.Pointer) bool {
	prefix, last := at(d.prefix), int(d.parts.prefixLen)-8
	for i := 0; i < last; i += 8 {
		if *(*uint64)(unsafe.Add(key, i)) != *(*uint64)(unsafe.Add(prefix, i)) {
			return false
		}
	}
	return last > 0 && *(*uint64)(unsafe.Add(key, last)) == *(*uint64)(unsafe.Add(prefix, last))
}

// lastWindow is the window of a key that has from 8 bytes to prefixLen + 8.
func (p *parts) lastWindow(key unsafe.Pointer, keyLen int) uint64 {
	missing := uint(p.prefixLen) + 8 - uint(keyLen)
	return binary.BigEndian.Uint64((*[8]byte)(unsafe.Add(key, keyLen-8))[:]) << (4 * missing) << (4 * missing)
}

// quotient is floor(count * distance / span), if it is ok: it nearly always is.
func (p *parts) quotient(distance uint64) (part uint64, ok bool) {
	scaled, _ := bits.Mul64(distance, p.ratio)
	part = scaled >> (p.shift & 63)
	return part, (scaled+1)>>(p.shift&63) == part
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

// countShared counts in the lane that is everybody's, with atomic additions.
func (c *core) countShared(routeID uint64, key []byte, op Op, size uint64, label uint32) {
	for {
		inside := &c.passages.inside[atomic.LoadUint64(&c.passages.generation)&1]
		atomic.AddUint64(inside, 1)
		place := table(atomic.LoadUint64(c.table)).find(routeID)
		number := cellOf(place, key, label)
		var counters uintptr
		isSample := false
		if number == 0 {
			atomic.AddUint64(&c.shared.missed, 1)
		} else if segment := c.shared.segment(number); atomic.LoadUintptr(&segment.counters) != 0 {
			counters = segment.counters
			cell := cellAt(counters, number)
			atomic.AddUint64(&cell[op&1], 1)
			atomic.AddUint64(&cell[2+op&1], size)
			segment.mark(number)
			isSample = c.sampling != nil && c.sampling.sampleShared(c.shared.stage(), place, op, len(key))
		}
		atomic.AddUint64(inside, ^uint64(0))
		if isSample {
			c.handOver(handoverSample, nil, routeID, key, op, label)
		}
		if number == 0 || counters != 0 {
			return
		}
		if !c.reserve(uintptr(unsafe.Pointer(c.shared)), number) {
			// The library finds the memory yet, or nobody does.
			c.cross(routeID, key, op, size, label)
			return
		}
	}
}
