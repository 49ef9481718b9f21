package keyviz

import (
	"context"
	"sync/atomic"
	"time"
)

// MemSampler counts requests per route, label and part of the key range, and keeps a history of columns.
//
// Every method may be called by any goroutine at any time, and on a nil *MemSampler, which counts nothing: a host that
// has the feature switched off keeps a nil. Nothing has to be closed: the memory goes when the sampler is collected.
type MemSampler struct {
	// core is nil once the sampler is closed.
	core atomic.Pointer[core]
}

// NewMemSampler makes a sampler. If the library can't be used (see [Ready]), it is one that counts nothing.
func NewMemSampler(opts MemSamplerOptions) *MemSampler {
	s := &MemSampler{}
	c, _ := newCore(opts, MoreOptions{})
	s.core.Store(c)
	return s
}

func (s *MemSampler) open() *core {
	if s == nil {
		return nil
	}
	return s.core.Load()
}

// Close frees the sampler's counters and history at once. Afterwards every method behaves as on a nil sampler; one
// that is under way in another goroutine ends as if it had begun before or after. Closing again does nothing.
func (s *MemSampler) Close() {
	if s == nil {
		return
	}
	if c := s.core.Swap(nil); c != nil {
		c.close()
	}
}

// RegisterRoute registers a route, the key range [start, end) (an empty end: unbounded) of a Raft group (0: unknown).
// True: it has slots of its own; false: it is folded into the virtual bucket. A route that is registered already stays
// as it is: to change it, remove it first. A range with start >= end is taken as given, and never sub-divided.
func (s *MemSampler) RegisterRoute(routeID uint64, start, end []byte, groupID uint64) bool {
	if c := s.open(); c != nil {
		return c.registerRoute(routeID, start, end, groupID)
	}
	return false
}

// RemoveRoute removes a route; what it counted is still flushed. Within max(2 Steps, 5 s) registering it again brings
// its counters back. Of an unknown route nothing happens.
func (s *MemSampler) RemoveRoute(routeID uint64) {
	if c := s.open(); c != nil {
		c.removeRoute(routeID)
	}
}

// SetLeaderTerm: the rows of the group carry this leader term from the next flush on. Group 0 is ignored.
func (s *MemSampler) SetLeaderTerm(groupID, term uint64) {
	if c := s.open(); c != nil {
		c.setLeaderTerm(groupID, term)
	}
}

// Flush commits a column of what was counted since the last one, an empty one if there was nothing.
func (s *MemSampler) Flush() {
	if c := s.open(); c != nil {
		c.flush()
	}
}

// Snapshot copies the columns with from <= At < to, oldest first; nil: there are none. A zero Time is unbounded. The copy
// is the caller's to change. Many rows are copied by up to four goroutines at a time, which have ended when it returns; see
// [MemSampler.Columns] for a history that is too long to have in memory.
func (s *MemSampler) Snapshot(from, to time.Time) []MatrixColumn {
	if c := s.open(); c != nil {
		return c.snapshot(from, to)
	}
	return nil
}

// Step is the flush interval in effect; of a nil sampler, the default.
func (s *MemSampler) Step() time.Duration {
	if c := s.open(); c != nil {
		return c.options.Step
	}
	return DefaultStep
}

// HistoryColumns is how many columns are kept; of a nil sampler, the default.
func (s *MemSampler) HistoryColumns() int {
	if c := s.open(); c != nil {
		return c.options.HistoryColumns
	}
	return DefaultHistoryColumns
}

// HotKeysOptions are the hot-key options in effect; of a nil sampler, zeros.
func (s *MemSampler) HotKeysOptions() (enabled bool, capacity, sampleRate, maxKeyLen int) {
	if c := s.open(); c != nil {
		o := &c.options
		return o.HotKeysEnabled, o.HotKeysPerRoute, o.HotKeysSampleRate, o.HotKeysMaxKeyLen
	}
	return false, 0, 0, 0
}

// SubBucketBoundsFor is the key range of one part of a registered route's range, [lo, hi); a nil hi: unbounded. Not ok:
// the route or the part is unknown, or the route is folded or removed, or there is no such label. (Where labels are off,
// any label will do.) A virtual bucket, by the RouteID of its rows, has one part.
func (s *MemSampler) SubBucketBoundsFor(routeID uint64, label Label, subBucket int) (lo, hi []byte, ok bool) {
	c := s.open()
	if c == nil || subBucket < 0 || subBucket >= MaxKeyBucketsPerRoute {
		return nil, nil, false
	}
	if c.options.KeyVizLabelsEnabled && label.number() == numberUnknown {
		return nil, nil, false
	}
	return c.subBucketBounds(routeID, uint32(subBucket))
}

// RunFlusher flushes s every step until ctx is done; a step of 0 or below is s.Step(). There is no last flush. With a
// nil s it waits for ctx. It keeps s alive.
func RunFlusher(ctx context.Context, s *MemSampler, step time.Duration) {
	if s == nil {
		<-ctx.Done()
		return
	}
	if step <= 0 {
		step = s.Step()
	}
	ticker := time.NewTicker(step)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if ctx.Err() != nil {
				return
			}
			s.Flush()
		}
	}
}
