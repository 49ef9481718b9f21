//go:build cgo && !keyviz_cgo && !keyviz_atomic && !race && (amd64 || arm64)

package keyviz

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"unsafe" // and for linkname
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
// of each P, and where hot keys are on, for one in 8 x HotKeysSampleRate.
func (s *MemSampler) Observe(routeID uint64, key []byte, op Op, valueLen int, label Label) {
	if s == nil {
		return
	}
	c := s.core.Load()
	if c == nil {
		return
	}

	// This is count for what nearly all observations are: the label is one of the constants, the P has a lane with the
	// segment mapped, and the key is no sample. First as it is where no keys are sampled and no route of the sampler is
	// sub-divided, then where some are, then where keys are sampled.
	//
	// Each value that lives over the call of procPin costs a store and a load: there are four, and only where routes are
	// sub-divided or keys are sampled the key is among them. Small functions that would be inlined are written out in the
	// first two where they leave no-ops behind.
	size := uint64(len(key)) + uint64(valueLen)
	address := uintptr(unsafe.Pointer(unsafe.StringData(string(label))))
	home := c.labels.home(address)
	if op <= OpWrite && valueLen >= 0 && c.labels.addresses[home] == address {
		offsetInRoute := c.labels.offsets[2*home+uint64(op)]
		if c.labels.lengths[2*home+uint64(op)] == len(label) {
			// While the goroutine is pinned, it is the only one that writes to this P's lane. From here to procUnpin nothing
			// may block or allocate. What is found in the library's memory stays there until the passage ends (see
			// passage.rs).
			if p := procPin(); uint(p) < maxLanes && c.lanes[p] != 0 {
				lane := (*lane)(unsafe.Add(unsafe.Pointer(nil), c.lanes[p]))
				lane.inside = 1
				word := acquire(c.table)
				entries, mask := uintptr(word&^63), ^uint64(0)>>(word&63)
				for i := routeID * hashFactor >> (word & 63); ; i++ {
					entry := (*entry)(unsafe.Add(unsafe.Pointer(nil), entries+uintptr(i&mask)*entrySize))
					// The place is loaded first: it is published after its id.
					place := acquire(&entry.place)
					if entry.id != routeID && place != 0 {
						continue
					}
					if place&placeDirect != 0 {
						segment := (*segment)(unsafe.Add(unsafe.Pointer(&lane.segments), place&placeSegment))
						if counters := acquire(&segment.counters); counters != 0 {
							offset := uintptr(place>>placeFirstOffset + offsetInRoute&(place>>placeLabelOffsets|opOffset))
							counter := (*[3]uint64)(unsafe.Add(unsafe.Pointer(nil), counters+offset))
							counter[0]++
							counter[2] += size
							*(*uint8)(unsafe.Add(unsafe.Pointer(nil), segment.marks+offset>>blockOffsetBits)) = 1
							leave(lane)
							procUnpin()
							runtime.KeepAlive(c)
							return
						}
					} else if place&placeDivided == 0 {
						lane.missed++
						leave(lane)
						procUnpin()
						runtime.KeepAlive(c)
						return
					}
					break
				}
				leave(lane)
			}
			procUnpin()
			c.count(routeID, nil, Op(offsetInRoute/opOffset&1), size, uint32(offsetInRoute/cellOffset))
			return
		} else if c.labels.lengths[2*home+uint64(op)] == divides(len(label)) {
			// The label's distance is the same in all routes that are sub-divided.
			if p := procPin(); uint(p) < maxLanes && c.lanes[p] != 0 {
				lane := (*lane)(unsafe.Add(unsafe.Pointer(nil), c.lanes[p]))
				lane.inside = 1
				word := acquire(c.table)
				i := routeID * hashFactor >> (word & 63)
				entry := (*entry)(unsafe.Add(unsafe.Pointer(nil), uintptr(word&^63)+uintptr(i)*entrySize))
				place := acquire(&entry.place)
				if entry.id != routeID {
					place = table(word).find(routeID)
				}
				// What leads to the counters; whatever is rare is left to count.
				var segment *segment
				var offset uintptr
				if place&placeDivided != 0 {
					// This is index for a key of 8 bytes or more that begins like the range's bounds.
					divided := dividedAt(place)
					start := unsafe.Pointer(unsafe.SliceData(key))
					var window uint64
					if prefixLen := int(divided.parts.prefixLen); len(key)-8 >= prefixLen {
						window = bits.ReverseBytes64(*(*uint64)(unsafe.Add(start, prefixLen)))
					} else if len(key) >= 8 && len(key) >= prefixLen {
						window = divided.parts.lastWindow(start, len(key))
					} else {
						goto other
					}
					if !divided.head.matches(start) && !divided.hasLongPrefix(start) {
						goto other
					}
					window -= divided.parts.low
					if window >= divided.parts.span {
						goto other
					}
					part, ok := divided.parts.quotient(window)
					if !ok {
						goto other
					}
					segment = lane.segmentAt(uint64(divided.segment))
					offset = uintptr((uint64(divided.first)+part)*cellOffset + offsetInRoute)
				} else if place&placeDirect != 0 && place&placeLabelMask == 0 {
					// A virtual bucket, or a range that is too narrow.
					segment = lane.segmentOf(place)
					offset = uintptr(place>>placeFirstOffset + offsetInRoute&opOffset)
				} else {
					goto other
				}
				if counters := acquire(&segment.counters); counters != 0 {
					counter := (*[3]uint64)(unsafe.Add(unsafe.Pointer(nil), counters+offset))
					counter[0]++
					counter[2] += size
					*(*uint8)(unsafe.Add(unsafe.Pointer(nil), segment.marks+offset>>blockOffsetBits)) = 1
					leave(lane)
					procUnpin()
					runtime.KeepAlive(c)
					return
				}
			other:
				leave(lane)
			}
			procUnpin()
			number := uint32(offsetInRoute / cellOffset / uint64(c.options.KeyBucketsPerRoute))
			c.count(routeID, key[:len(key):len(key)], Op(offsetInRoute/opOffset&1), size, number)
			return
		} else if c.labels.lengths[2*home+uint64(op)] == samples(len(label)) {
			if len(key) <= c.sampling.longest {
				if p := procPin(); uint(p) < maxLanes && c.lanes[p] != 0 {
					lane := (*lane)(unsafe.Add(unsafe.Pointer(nil), c.lanes[p]))
					// What may be a sample is left to count, before anything is done. All others are a step on the way to the next
					// sample, and no more has to be known of them after they were counted.
					if stage := (*stage)(unsafe.Add(unsafe.Pointer(nil), lane.stageAddress)); stage.left > 1 {
						lane.inside = 1
						place := table(acquire(c.table)).find(routeID)
						if place&placeDirect != 0 {
							offset := uintptr(place>>placeFirstOffset + offsetInRoute&(place>>placeLabelOffsets|opOffset))
							if lane.segmentOf(place).count(offset, size) {
								leave(lane)
								if place&placeBucket == 0 {
									stage.left--
								}
								procUnpin()
								runtime.KeepAlive(c)
								return
							}
						} else if place&placeDivided != 0 && lane.passOver(place, key[:len(key):len(key)], offsetInRoute, size) {
							leave(lane)
							procUnpin()
							runtime.KeepAlive(c)
							return
						}
						leave(lane)
					}
				}
				procUnpin()
			}
			c.count(routeID, key[:len(key):len(key)], Op(offsetInRoute/opOffset&1), size, uint32(offsetInRoute/cellOffset))
			return
		}
	}
	c.countAny(routeID, key, op, valueLen, label)
}

// countAny is Observe for what isn't plain.
//
//go:noinline
func (c *core) countAny(routeID uint64, key []byte, op Op, valueLen int, label Label) {
	if op > OpWrite {
		return
	}
	size := uint64(len(key)) + uint64(max(valueLen, 0))
	c.count(routeID, key, op, size, label.number()&c.labelMask)
}

// count counts whatever an observation may come across.
//
//go:noinline
func (c *core) count(routeID uint64, key []byte, op Op, size uint64, label uint32) {
	for {
		p := procPin()
		var address uintptr
		if uint(p) < maxLanes {
			address = atomic.LoadUintptr(&c.lanes[p])
		}
		if address == 0 {
			procUnpin()
			if c.acquire(p) {
				continue
			}
			if c.table == nil {
				c.cross(routeID, key, op, size, label)
			} else {
				c.countShared(routeID, key, op, size, label)
				runtime.KeepAlive(c)
			}
			return
		}
		lane := (*lane)(at(address))
		lane.inside = 1
		place := table(acquire(c.table)).find(routeID)
		number := cellOf(place, key, label)
		var counters uintptr
		what := handoverNone
		if number == 0 {
			lane.missed++
		} else if segment := lane.segment(number); acquire(&segment.counters) != 0 {
			counters = segment.counters
			cell := cellAt(counters, number)
			cell[op&1]++
			cell[2+op&1] += size
			segment.mark(number)
			if c.sampling != nil {
				what = c.sampling.sample(lane.stage(), place, routeID, key, op, label)
			}
		}
		leave(lane)
		procUnpin()
		if what != handoverNone {
			c.handOver(what, c.sampling.lanes[p], routeID, key, op, label)
		}
		if number == 0 || counters != 0 {
			runtime.KeepAlive(c)
			return
		}
		if !c.reserve(address, number) {
			// The library finds the memory yet, or nobody does.
			c.cross(routeID, key, op, size, label)
			return
		}
	}
}

// passOver counts an observation that is no sample in a divided place, and is a step on the way to the next sample. False:
// the segment isn't mapped, nothing was done.
//
//go:noinline
func (l *lane) passOver(place uint64, key []byte, offsetInRoute, size uint64) bool {
	divided := dividedAt(place)
	number := divided.cell(key, uint32(offsetInRoute/cellOffset))
	if !l.segmentAt(uint64(divided.segment)).count(uintptr(uint64(number)*cellOffset+offsetInRoute&opOffset), size) {
		return false
	}
	l.stage().left--
	return true
}

// count counts at an offset, which is that of a cell and an operation; false: the segment isn't mapped, nothing was done.
func (s *segment) count(offset uintptr, size uint64) bool {
	counters := acquire(&s.counters)
	if counters == 0 {
		return false
	}
	counter := (*[3]uint64)(at(counters + offset))
	counter[0]++
	counter[2] += size
	*(*uint8)(at(s.marks + offset>>blockOffsetBits)) = 1
	return true
}

// leave ends a passage. It is release, written out for Observe, where that would leave no-ops behind.
func leave(lane *lane) {
	if runtime.GOARCH == "amd64" {
		lane.inside = 0
	} else {
		atomic.StoreUint64(&lane.inside, 0)
	}
}
