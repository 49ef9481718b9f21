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
func (s *MemSampler) Observe(routeID uint64, key []byte, op Op, valueLen int, name Label) {
	if s == nil {
		return
	}
	c := s.core.Load()
	if c == nil || op > OpWrite {
		return
	}
	size := uint64(len(key)) + uint64(max(valueLen, 0))
	key = key[:len(key):len(key)] // one register less to save over the calls
	label := name.number() & c.labelMask

	// While the goroutine is pinned, it is the only one that writes to this P's lane. From here to procUnpin nothing
	// may block or allocate. What is found in the library's memory stays there until the passage ends (see passage.rs).
	// This is the fast half of count, written out.
	p := procPin()
	if uint(p) < uint(len(c.lanes)) && c.lanes[p] != 0 {
		lane := (*lane)(at(c.lanes[p]))
		lane.inside = 1
		table := table(acquire(c.table))
		entry := table.at(table.home(routeID))
		// An id that matches an entry which is not published yet comes with an empty place.
		if id := atomic.LoadUint64(&entry.id); id == routeID && label != numberUnknown {
			place := atomic.LoadUint64(&entry.place)
			number := uint32(place>>32) + label&(uint32(place)>>placeLabels)
			if place&placeDirect == 0 {
				number = cellOf(place, key, label)
			}
			if segment := lane.segment(number); number != 0 {
				if counters := acquire(&segment.counters); counters != 0 {
					cell := cellAt(counters, number)
					cell[op&1]++
					cell[2+op&1] += size
					segment.mark(number)
					leave(lane)
					procUnpin()
					runtime.KeepAlive(c)
					return
				}
			}
		}
		leave(lane)
	}
	procUnpin()
	c.count(routeID, key, op, size, label)
}

// count is Observe with everything that an observation may come across.
//
//go:noinline
func (c *core) count(routeID uint64, key []byte, op Op, size uint64, label uint32) {
	defer runtime.KeepAlive(c)
	for {
		p := procPin()
		var address uintptr
		if uint(p) < uint(len(c.lanes)) {
			address = atomic.LoadUintptr(&c.lanes[p])
		}
		if address == 0 {
			procUnpin()
			if c.acquire(p) {
				continue
			}
			if len(c.lanes) == 0 {
				c.cross(routeID, key, op, size, label)
			} else {
				c.countShared(routeID, key, op, size, label)
			}
			return
		}
		lane := (*lane)(at(address))
		lane.inside = 1
		number := cellOf(table(acquire(c.table)).find(routeID), key, label)
		var counters uintptr
		if number == 0 {
			lane.missed++
		} else if segment := lane.segment(number); acquire(&segment.counters) != 0 {
			counters = segment.counters
			cell := cellAt(counters, number)
			cell[op&1]++
			cell[2+op&1] += size
			segment.mark(number)
		}
		leave(lane)
		procUnpin()
		if number == 0 || counters != 0 {
			return
		}
		if !c.reserve(address, number) {
			// The library finds the memory yet, or nobody does.
			c.cross(routeID, key, op, size, label)
			return
		}
	}
}

// leave ends a passage. On amd64 stores are seen in their order; on arm64 that takes a store with release.
func leave(lane *lane) {
	if runtime.GOARCH == "amd64" {
		lane.inside = 0
	} else {
		atomic.StoreUint64(&lane.inside, 0)
	}
}
