//go:build cgo && !keyviz_cgo && (keyviz_atomic || race || !(amd64 || arm64))

package keyviz

import "runtime"

const countsInPlace = true

// Observe counts one request: an operation, and the bytes of its key and its value (a negative valueLen is 0), in the
// slot of the route and the label, and there in the part of the range that the key lies in. The key is not kept.
//
// A route that is not registered counts nowhere, and is told by Stats().Missed. A label that is none of the known ones
// counts as legacy where labels are off; where they are on, in virtual buckets, and is missed elsewhere. An op that is
// neither OpRead nor OpWrite counts nothing.
//
// Any goroutine, any time. It takes no lock, allocates nothing, and calls no C function but for the first observations
// of a route, and for one in HotKeysSampleRate where hot keys are on. In this build all goroutines share one set of
// counters, with atomic additions.
func (s *MemSampler) Observe(routeID uint64, key []byte, op Op, valueLen int, label Label) {
	if s == nil {
		return
	}
	c := s.core.Load()
	if c == nil || op > OpWrite {
		return
	}
	size := uint64(len(key)) + uint64(max(valueLen, 0))
	if number := label.number() & c.labelMask; c.table == nil {
		c.cross(routeID, key, op, size, number)
	} else {
		c.countShared(routeID, key, op, size, number)
	}
	runtime.KeepAlive(c)
}
