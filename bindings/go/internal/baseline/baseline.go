// Package baseline is the sampler that a Go engineer writes first, which benchmarks compare with: an immutable table
// behind an atomic pointer, copied by each registration; atomic additions to shared counters, which a flush swaps for
// zeros; a history of rows, copied by each snapshot; and a queue of sampled keys for one goroutine that counts them.
//
// It does the same work as [keyviz.MemSampler] for routes that stay registered, and there are none that fold.
package baseline

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

// Options are those of [keyviz.MemSamplerOptions] with these names.
type Options struct {
	HistoryColumns      int
	KeyBucketsPerRoute  int
	KeyVizLabelsEnabled bool
	// HotKeysSampleRate: one write in so many is sampled; 0: hot keys are off.
	HotKeysSampleRate int
	Now               func() time.Time
}

// Sampler counts, and keeps a history.
type Sampler struct {
	options Options
	labels  []keyviz.Label
	table   atomic.Pointer[table]
	hotKeys *hotKeys

	mu      sync.Mutex // registrations, flushes, and what follows
	terms   map[uint64]uint64
	columns []keyviz.MatrixColumn
	at      time.Time
}

type slotKey struct {
	route uint64
	label keyviz.Label
}

// table is never changed.
type table struct {
	slots map[slotKey]*slot
	// ordered is by (start, route, label).
	ordered []*slot
}

type slot struct {
	slotKey
	group      uint64
	start, end []byte
	parts      parts
	cells      []cell
	sketch     *sketch
}

type cell struct {
	reads, writes, readBytes, writeBytes atomic.Uint64
}

// New makes a sampler. Close ends its goroutine, if hot keys are on.
func New(options Options) *Sampler {
	if options.Now == nil {
		options.Now = time.Now
	}
	s := &Sampler{options: options, labels: []keyviz.Label{keyviz.LabelLegacy}, terms: make(map[uint64]uint64)}
	if options.KeyVizLabelsEnabled {
		s.labels = append(s.labels, keyviz.AllLabels[:]...)
	}
	if options.HotKeysSampleRate > 0 {
		s.hotKeys = newHotKeys(options.HotKeysSampleRate)
	}
	s.table.Store(&table{})
	s.at = options.Now()
	return s
}

// Settle waits until the goroutine of hot keys has counted what is in the queue.
func (s *Sampler) Settle() {
	if h := s.hotKeys; h != nil {
		for queued := h.queued.Load(); h.counted.Load() < queued; {
			runtime.Gosched()
		}
	}
}

// Close ends the goroutine of hot keys.
func (s *Sampler) Close() {
	if s.hotKeys != nil {
		close(s.hotKeys.queue)
	}
}

// RegisterRoute registers a route.
func (s *Sampler) RegisterRoute(routeID uint64, start, end []byte, groupID uint64) bool {
	s.RegisterRoutes([]keyviz.Route{{RouteID: routeID, Start: start, End: end, GroupID: groupID}})
	return true
}

// RegisterRoutes registers routes with one copy of the table.
func (s *Sampler) RegisterRoutes(routes []keyviz.Route) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.table.Load()
	next := &table{slots: make(map[slotKey]*slot, len(old.slots)+len(s.labels)*len(routes))}
	for key, slot := range old.slots {
		next.slots[key] = slot
	}
	next.ordered = slices.Grow(slices.Clone(old.ordered), len(s.labels)*len(routes))
	for _, route := range routes {
		if _, ok := next.slots[slotKey{route.RouteID, keyviz.LabelLegacy}]; ok {
			continue
		}
		start, end := slices.Clone(route.Start), slices.Clone(route.End)
		parts := newParts(start, end, s.options.KeyBucketsPerRoute)
		for _, label := range s.labels {
			one := &slot{slotKey: slotKey{route.RouteID, label}, group: route.GroupID, start: start, end: end, parts: parts}
			one.cells = make([]cell, parts.count)
			if s.hotKeys != nil {
				one.sketch = newSketch()
			}
			next.slots[one.slotKey] = one
			next.ordered = append(next.ordered, one)
		}
	}
	slices.SortFunc(next.ordered, (*slot).compare)
	s.table.Store(next)
}

func (s *slot) compare(other *slot) int {
	return cmp.Or(slices.Compare(s.start, other.start), cmp.Compare(s.route, other.route), cmp.Compare(s.label, other.label))
}

// Observe counts one request.
func (s *Sampler) Observe(routeID uint64, key []byte, op keyviz.Op, valueLen int, label keyviz.Label) {
	if s == nil {
		return
	}
	if !s.options.KeyVizLabelsEnabled {
		label = keyviz.LabelLegacy
	}
	slot := s.table.Load().slots[slotKey{routeID, label}]
	if slot == nil {
		return
	}
	cell := &slot.cells[slot.index(key)]
	size := uint64(len(key)) + uint64(max(valueLen, 0))
	switch op {
	case keyviz.OpRead:
		cell.reads.Add(1)
		cell.readBytes.Add(size)
	case keyviz.OpWrite:
		cell.writes.Add(1)
		cell.writeBytes.Add(size)
		if s.hotKeys != nil {
			s.hotKeys.offer(slot, key)
		}
	}
}

// SetLeaderTerm sets the leader term that rows of the group carry.
func (s *Sampler) SetLeaderTerm(groupID, term uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.terms[groupID] = term
}

// Flush commits a column.
func (s *Sampler) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Now()
	column := keyviz.MatrixColumn{WindowStart: s.at, At: now}
	for _, slot := range s.table.Load().ordered {
		for i := range slot.cells {
			cell := &slot.cells[i]
			row := keyviz.MatrixRow{
				Reads: cell.reads.Swap(0), Writes: cell.writes.Swap(0),
				ReadBytes: cell.readBytes.Swap(0), WriteBytes: cell.writeBytes.Swap(0),
			}
			if row.Reads|row.Writes|row.ReadBytes|row.WriteBytes == 0 {
				continue
			}
			row.RouteID, row.Label, row.RaftGroupID, row.LeaderTerm = slot.route, slot.label, slot.group, s.terms[slot.group]
			row.MemberRoutesTotal = 1
			row.SubBucket, row.SubBucketCount = i, len(slot.cells)
			row.Start, row.End = slot.parts.bounds(slot, i)
			column.Rows = append(column.Rows, row)
		}
	}
	if s.options.KeyBucketsPerRoute > 1 {
		// Parts of one label lie side by side in the table; rows are in the order of their own starts.
		slices.SortStableFunc(column.Rows, func(a, b keyviz.MatrixRow) int {
			return cmp.Or(bytes.Compare(a.Start, b.Start), cmp.Compare(a.RouteID, b.RouteID), cmp.Compare(a.Label, b.Label))
		})
	}
	if len(s.columns) == s.options.HistoryColumns {
		s.columns = slices.Delete(s.columns, 0, 1)
	}
	s.columns = append(s.columns, column)
	s.at = now
}

// Snapshot copies the columns with from <= At < to.
func (s *Sampler) Snapshot(from, to time.Time) []keyviz.MatrixColumn {
	s.mu.Lock()
	defer s.mu.Unlock()
	var columns []keyviz.MatrixColumn
	for _, column := range s.columns {
		if (!from.IsZero() && column.At.Before(from)) || (!to.IsZero() && !column.At.Before(to)) {
			continue
		}
		column.Rows = slices.Clone(column.Rows)
		for i := range column.Rows {
			row := &column.Rows[i]
			row.Start, row.End = slices.Clone(row.Start), slices.Clone(row.End)
			row.MemberRoutes = slices.Clone(row.MemberRoutes)
		}
		columns = append(columns, column)
	}
	return columns
}

// parts cuts a range into parts, by the 8 bytes that follow what its bounds have in common.
type parts struct {
	count, prefix int
	low, span     uint64
}

func newParts(start, end []byte, most int) parts {
	p := parts{count: 1}
	high := ^uint64(0)
	if len(end) > 0 {
		for p.prefix < min(len(start), len(end)) && start[p.prefix] == end[p.prefix] {
			p.prefix++
		}
		high = window(end, p.prefix)
	}
	if p.low = window(start, p.prefix); most > 1 && high > p.low {
		p.span = high - p.low
		p.count = int(min(uint64(most), p.span))
	}
	return p
}

func window(key []byte, from int) uint64 {
	if len(key) >= from+8 {
		return binary.BigEndian.Uint64(key[from:])
	}
	var eight [8]byte
	if from < len(key) {
		copy(eight[:], key[from:])
	}
	return binary.BigEndian.Uint64(eight[:])
}

// index is the part of a key, which may lie outside of the range.
func (s *slot) index(key []byte) int {
	p := &s.parts
	if p.count == 1 || bytes.Compare(key, s.start) <= 0 {
		return 0
	}
	if len(s.end) > 0 && bytes.Compare(key, s.end) >= 0 {
		return p.count - 1
	}
	w := window(key, p.prefix)
	if w <= p.low {
		return 0
	}
	if w-p.low >= p.span {
		return p.count - 1
	}
	high, low := bits.Mul64(uint64(p.count), w-p.low)
	part, _ := bits.Div64(high, low, p.span)
	return int(part)
}

func (p *parts) bounds(slot *slot, i int) (start, end []byte) {
	start, end = slot.start, slot.end
	if i > 0 {
		start = p.bound(slot.start, i)
	}
	if i < p.count-1 {
		end = p.bound(slot.start, i+1)
	}
	return start, end
}

// bound is where part i begins, rounded up.
func (p *parts) bound(start []byte, i int) []byte {
	high, low := bits.Mul64(uint64(i), p.span)
	quotient, rest := bits.Div64(high, low, uint64(p.count))
	if rest > 0 {
		quotient++
	}
	bound := binary.BigEndian.AppendUint64(slices.Clone(start[:p.prefix]), p.low+quotient)
	for len(bound) > p.prefix && bound[len(bound)-1] == 0 {
		bound = bound[:len(bound)-1]
	}
	return bound
}
