// Package baseline is the textbook way to count per route and label in Go, which benchmarks compare with: an atomic
// pointer to an immutable map, and atomic additions to shared counters.
package baseline

import "sync/atomic"

type slot struct {
	route uint64
	label string
}

type counters struct {
	reads, writes, readBytes, writeBytes uint64
}

// Table counts.
type Table struct {
	slots atomic.Pointer[map[slot]*counters]
}

// New is a table of the routes 1 to n, with every one of the labels.
func New(n uint64, labels ...string) *Table {
	slots := make(map[slot]*counters)
	for route := uint64(1); route <= n; route++ {
		for _, label := range labels {
			slots[slot{route, label}] = new(counters)
		}
	}
	t := new(Table)
	t.slots.Store(&slots)
	return t
}

// ObserveWrite counts one write.
func (t *Table) ObserveWrite(route uint64, key []byte, valueLen int, label string) {
	if found := (*t.slots.Load())[slot{route, label}]; found != nil {
		atomic.AddUint64(&found.writes, 1)
		atomic.AddUint64(&found.writeBytes, uint64(len(key)+valueLen))
	}
}
