//go:build cgo

// Package cgoadd is the least that counting through cgo can cost: one call of a C function that does two atomic
// additions. Benchmarks compare with it.
package cgoadd

/*
#include <stdint.h>

static void add(uint64_t *counters, uint64_t bytes) {
    __atomic_fetch_add(&counters[0], 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&counters[1], bytes, __ATOMIC_RELAXED);
}

#cgo nocallback add
#cgo noescape add
*/
import "C"

// Counters are an operation counter and a byte counter.
type Counters [2]uint64

// Add counts one operation of so many bytes.
func (c *Counters) Add(bytes uint64) {
	C.add((*C.uint64_t)(&c[0]), C.uint64_t(bytes))
}
