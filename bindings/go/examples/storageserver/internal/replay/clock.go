package replay

import (
	"sync/atomic"
	"time"
)

// clock is the time that the sampler sees; it stands still until it is advanced.
type clock struct {
	unixNano atomic.Int64
}

// newClock starts at a fixed time, so that a replay gives the same columns on
// every run.
func newClock() *clock {
	c := new(clock)
	c.unixNano.Store(time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time {
	return time.Unix(0, c.unixNano.Load()).UTC()
}

func (c *clock) advance(d time.Duration) {
	c.unixNano.Add(int64(d))
}
