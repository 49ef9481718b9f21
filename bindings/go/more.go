package keyviz

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"
)

// What follows goes beyond the interface that the package replaces.

// Route is a key range [Start, End) of a Raft group (0: unknown). An empty End: unbounded.
type Route struct {
	RouteID, GroupID uint64
	Start, End       []byte
}

// The errors of ApplySplit and ApplyMerge that a host may want to tell apart.
var (
	ErrUnknownRoute = errors.New("keyviz: route is not registered")
	ErrRouteExists  = errors.New("keyviz: route id is in use")
)

// RegisterRoutes registers many routes in one call: a server's whole catalogue. The result tells of each what
// [MemSampler.RegisterRoute] would.
func (s *MemSampler) RegisterRoutes(routes []Route) []bool {
	if c := s.open(); c != nil && len(routes) > 0 {
		individual, _ := c.registerRoutes(routes, nil)
		return individual
	}
	return make([]bool, len(routes))
}

// ApplySplit replaces a route by those that it was split into, in one step: no observation misses in between. A child
// may keep the parent's id, and then keeps its counters and sub-buckets. The result is as of
// [MemSampler.RegisterRoutes].
//
// Errors: [ErrUnknownRoute] (the parent), [ErrRouteExists] (a child), or a message; nothing was changed then. On a nil
// or closed sampler nothing happens.
func (s *MemSampler) ApplySplit(parent uint64, children []Route) ([]bool, error) {
	if c := s.open(); c != nil {
		return c.registerRoutes(children, []uint64{parent})
	}
	return make([]bool, len(children)), nil
}

// ApplyMerge replaces routes by the one that they were merged into; see [MemSampler.ApplySplit].
func (s *MemSampler) ApplyMerge(parents []uint64, child Route) (bool, error) {
	c := s.open()
	if c == nil {
		return false, nil
	}
	if len(parents) == 0 {
		return false, fmt.Errorf("%w: a merge needs parents", ErrInvalidArgument)
	}
	individual, err := c.registerRoutes([]Route{child}, parents)
	return individual[0], err
}

// Columns is [MemSampler.Snapshot] column by column, in the memory of one: the history as it stands when the loop begins.
// Each column is a copy, which is the loop's to keep.
func (s *MemSampler) Columns(from, to time.Time) iter.Seq[MatrixColumn] {
	return func(yield func(MatrixColumn) bool) {
		if c := s.open(); c != nil {
			c.visitColumns(from, to, yield)
		}
	}
}

// Lineage tells from which routes the routes in the columns with from <= At < to came, by split or merge: the ids of
// the parents by the id of the child. Routes that were registered are not in it.
func (s *MemSampler) Lineage(from, to time.Time) map[uint64][]uint64 {
	if c := s.open(); c != nil {
		return c.lineage(from, to)
	}
	return nil
}

// Stats is what a sampler has, and where its memory is.
type Stats struct {
	// Routes that are registered, folded ones included.
	Routes uint64
	// Slots: one per route and label, one per virtual bucket.
	Slots uint64
	// VirtualBuckets, and their members, those that are leaving included.
	VirtualBuckets, VirtualMembers uint64
	// Retired routes and buckets were removed, and are still drained.
	Retired uint64
	// Columns in the history.
	Columns uint64
	// Lanes (private sets of counters) in use or at hand, the shared one included.
	Lanes uint64
	// Missed observations, so far: of unknown routes, or with a label that the library doesn't know.
	Missed uint64
	// CounterBytes, RouteBytes and HistoryBytes are the library's memory. The garbage collector doesn't know of it.
	CounterBytes, RouteBytes, HistoryBytes uint64
	// HotKeyBytes are the library's, too: samples, snapshots, and what columns keep.
	HotKeyBytes uint64
	// HotKeySnapshots that are published: one for each route, label and series that was sampled.
	HotKeySnapshots uint64
	// Observations, so far, on routes with slots of their own, in the series that are tracked: each was rolled for
	// (HotKeysRolled), or its key was too long (HotKeysSkipped). Exact while nobody observes.
	HotKeysRolled, HotKeysSkipped uint64
	// HotKeysSampled are the samples, so far. Each is in a snapshot, or in the window under way, or was dropped for want of
	// memory (HotKeysDropped), or went with its route (HotKeysForgotten).
	HotKeysSampled, HotKeysDropped, HotKeysForgotten uint64
}

// Stats reads the statistics. It takes time in proportion to the routes.
func (s *MemSampler) Stats() Stats {
	if c := s.open(); c != nil {
		return c.stats()
	}
	return Stats{}
}

// EventKind is what an [Event] says.
type EventKind uint32

// The kinds of events.
const (
	// EventRouteFolded: a route folded into a virtual bucket that was there.
	EventRouteFolded EventKind = 1
	// EventBucketCreated: a route folded into a virtual bucket made for it.
	EventBucketCreated EventKind = 2
)

// String is a name for logs.
func (k EventKind) String() string {
	switch k {
	case EventRouteFolded:
		return "route_folded"
	case EventBucketCreated:
		return "bucket_created"
	}
	return "unknown"
}

// Event is something that the host's log should say. It holds no key bytes.
type Event struct {
	Kind EventKind
	// RouteID is the route, BucketID the virtual bucket.
	RouteID, BucketID uint64
	// SlotsUsed is how many routes had slots of their own, and MaxTrackedRoutes how many may.
	SlotsUsed, MaxTrackedRoutes uint64
	// Suppressed events were held back since the one before: 16 may come at once, then one per second.
	Suppressed uint64
}

// LogValue makes a group of the event's fields.
func (e Event) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("kind", e.Kind.String()),
		slog.Uint64("route_id", e.RouteID),
		slog.Uint64("bucket_id", e.BucketID),
		slog.Uint64("slots_used", e.SlotsUsed),
		slog.Uint64("max_tracked_routes", e.MaxTrackedRoutes),
		slog.Uint64("suppressed", e.Suppressed),
	)
}

// PollEvents takes the unread events, oldest first. Up to 256 are kept until then.
func (s *MemSampler) PollEvents() []Event {
	if c := s.open(); c != nil {
		return c.pollEvents()
	}
	return nil
}

// LogEvents takes the unread events, and warns of each. A host calls it beside its flushes.
func (s *MemSampler) LogEvents(ctx context.Context, logger *slog.Logger) {
	for _, event := range s.PollEvents() {
		logger.LogAttrs(ctx, slog.LevelWarn, "keyviz: route coarsened", slog.Any("event", event))
	}
}
