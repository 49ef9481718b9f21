//go:build cgo && !keyviz_cgo && !keyviz_atomic && !race && (amd64 || arm64)

package keyviz

import (
	"runtime"
	"sync/atomic"
	_ "unsafe" // for linkname
)

const countsInPlace = true

// procPin keeps the goroutine on its P, which is its result, until procUnpin. The runtime keeps both for packages like
// this one (go.dev/issue/67401).
//
//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()

// Observe counts one request: an operation, and the bytes of its key and its value (a negative valueLen is 0), in the
// slot of the route and the label, and there in the part of the range that the key lies in. The key is not kept.
//
// A route that is not registered counts nowhere, and is told by Stats().Missed. A label that is none of the known ones
// counts as legacy where labels are off; where they are on, in virtual buckets, and is missed elsewhere. An op that is
// neither OpRead nor OpWrite counts nothing.
//
// Any goroutine, any time. It takes no lock, allocates nothing, and calls no C function but for the first observations
// of each P.
func (s *MemSampler) Observe(routeID uint64, key []byte, op Op, valueLen int, label Label) {
	if s == nil {
		return
	}
	c := s.core.Load()
	if c == nil || op > OpWrite {
		return
	}
	size := uint64(len(key)) + uint64(max(valueLen, 0))
	number := label.number() & c.labelMask

	// While the goroutine is pinned, it is the only one that writes to this P's lane. From here to procUnpin nothing
	// may block or allocate. What is found in the library's memory stays there until the passage ends (see passage.rs).
	p := procPin()
	if uint(p) >= uint(len(c.lanes)) {
		procUnpin()
		c.observeUnpinned(routeID, key, op, size, number)
		return
	}
	lane := atomic.LoadUintptr(&c.lanes[p])
	if lane == 0 {
		procUnpin()
		if c.acquire(p) {
			s.Observe(routeID, key, op, valueLen, label)
		} else {
			c.observeUnpinned(routeID, key, op, size, number)
		}
		return
	}
	passages := (*uint64)(at(lane + lanePassages))
	count := *passages
	*passages = count + 1

	table := acquirePtr(c.table)
	entries, mask := loadPtr(table+tableEntries), load64(table+tableMask)
	var place uint64
	for i := routeID * hashFactor >> (load32(table+tableShift) & 63); ; i++ {
		entry := entries + entrySize*uintptr(i&mask)
		place = acquire64(entry + entryPlace)
		if load64(entry) == routeID || place == 0 {
			break
		}
	}
	cell := uint32(place>>32) + number*(uint32(place)>>2)
	if place&placeTag != placeDirect || number == numberUnknown {
		if cell = cellOf(place, key, number); cell == 0 {
			*(*uint64)(at(lane + laneMissed))++
			leave(passages, count+2)
			procUnpin()
			return
		}
	}
	segment := segmentOf(lane, cell)
	counters := acquirePtr(segment)
	if counters == 0 {
		leave(passages, count+2)
		procUnpin()
		if c.reserve(lane, cell) {
			s.Observe(routeID, key, op, valueLen, label)
		} else {
			c.cross(routeID, key, op, size, number)
		}
		return
	}
	counter := counters + cellSize*uintptr(cell) + 8*uintptr(op)
	*(*uint64)(at(counter))++
	*(*uint64)(at(counter + 16)) += size
	*(*uint8)(at(loadPtr(segment+segmentMarks) + uintptr(cell>>blockBits))) = 1
	leave(passages, count+2)
	procUnpin()
	runtime.KeepAlive(c)
}

// leave ends a passage. On amd64 stores are seen in their order; on arm64 that takes a store with release.
func leave(passages *uint64, count uint64) {
	if runtime.GOARCH == "amd64" {
		*passages = count
	} else {
		atomic.StoreUint64(passages, count)
	}
}

// observeUnpinned counts where the P has no lane.
//
//go:noinline
func (c *core) observeUnpinned(routeID uint64, key []byte, op Op, size uint64, label uint32) {
	if len(c.lanes) == 0 {
		c.cross(routeID, key, op, size, label)
	} else {
		c.observeShared(routeID, key, op, size, label)
	}
	runtime.KeepAlive(c)
}
