package keyviz

import (
	"math"
	"sort"
	"time"
)

// clock turns the host's times into the library's: int64 nanoseconds, in which it measures grace and orders columns.
// What hosts get back are the times that they gave, kept on this side (see stamps).
type clock struct {
	now func() time.Time
	// origin is where nanoseconds count from: the Unix epoch, or, where the clock shows a year that Unix nanoseconds
	// don't reach (the zero Time of a fake clock, for one), the first time it showed.
	origin   time.Time
	location *time.Location
}

// newClock also returns the clock's first time.
func newClock(now func() time.Time) (clock, time.Time) {
	first := now()
	c := clock{now: now, origin: time.Unix(0, 0), location: first.Location()}
	if ns := c.nanoseconds(first); ns == math.MinInt64 || ns == math.MaxInt64 {
		c.origin = first.Round(0)
	}
	return c, first
}

// nanoseconds since the origin; what is too far away is the least or the largest number.
func (c clock) nanoseconds(t time.Time) int64 {
	// Without the monotonic reading: it is the wall clock that columns are ordered by.
	return int64(t.Round(0).Sub(c.origin))
}

// time is the one at so many nanoseconds, in the location that the clock's first time had.
func (c clock) time(ns int64) time.Time {
	return c.origin.Add(time.Duration(ns)).In(c.location)
}

// stamp is one column's number in the library, and its times.
type stamp struct {
	sequence        uint64
	windowStart, at time.Time
}

// stamps are those of the columns in the history: a ring, which grows up to its length.
type stamps struct {
	ring  []stamp
	next  int
	limit int
}

func (s *stamps) push(one stamp) {
	if len(s.ring) < s.limit {
		s.ring = append(s.ring, one)
		return
	}
	s.ring[s.next] = one
	s.next = (s.next + 1) % s.limit
}

// find looks one up by its number; they are in order.
func (s *stamps) find(sequence uint64) (stamp, bool) {
	at := func(i int) *stamp { return &s.ring[(s.next+i)%len(s.ring)] }
	i := sort.Search(len(s.ring), func(i int) bool { return at(i).sequence >= sequence })
	if i == len(s.ring) || at(i).sequence != sequence {
		return stamp{}, false
	}
	return *at(i), true
}
