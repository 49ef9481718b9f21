package keyviz

import (
	"math"
	"time"
)

// clock turns the host's times into the library's: int64 nanoseconds, in which it measures grace and orders columns.
// What hosts get back are the times that they gave, kept on this side (see stamps).
type clock struct {
	now func() time.Time
	// origin is where nanoseconds count from: the Unix epoch, or, where the clock shows a year that Unix nanoseconds
	// don't reach (the zero Time of a fake clock, for one), the first time it showed.
	origin time.Time
}

// newClock also returns the clock's first time.
func newClock(now func() time.Time) (clock, time.Time) {
	first := now()
	c := clock{now: now, origin: time.Unix(0, 0)}
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

// between copies those with from <= at < to (the zero Time: unbounded), oldest first.
func (s *stamps) between(from, to time.Time) []stamp {
	var found []stamp
	for i := range s.ring {
		one := s.ring[(s.next+i)%len(s.ring)]
		if (from.IsZero() || !one.at.Before(from)) && (to.IsZero() || one.at.Before(to)) {
			found = append(found, one)
		}
	}
	return found
}
