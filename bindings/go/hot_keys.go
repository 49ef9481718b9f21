package keyviz

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The reasons why there are no hot keys. What is returned wraps them, and says more.
var (
	// ErrHotKeysOff: the sampler tracks no hot keys (see [MemSamplerOptions].HotKeysEnabled).
	ErrHotKeysOff = errors.New("keyviz: hot keys are off")
	// ErrNoSnapshot: the route is unknown or in a virtual bucket, or nothing of it was sampled and published yet.
	ErrNoSnapshot = errors.New("keyviz: there is no snapshot of these hot keys")
	// ErrOutOfSnapshotWindow: the snapshot is not of the time that was asked for.
	ErrOutOfSnapshotWindow = errors.New("keyviz: the snapshot is of another time")
)

// HotKeysQuery asks for the hot keys of a route.
type HotKeysQuery struct {
	RouteID uint64
	// Label; where labels are off, any will do.
	Label Label
	// Series is SeriesReads or SeriesWrites.
	Series Series
	// InSubBucket asks for the keys of one part of the route's range only, SubBucket.
	InSubBucket bool
	SubBucket   int
	// Top is how many keys there are at most; 0: 20. More than a sketch has gives as many as there are.
	Top int
	// The snapshot's window, which is the Step before it was published, must reach to From and begin by To. The zero Time:
	// any.
	From, To time.Time
	// Column asks for what the column with this At keeps (see [MoreOptions].HotKeysInColumns). The zero Time: the newest
	// snapshot.
	Column time.Time
}

// HotKeysInfo is what a reply says besides its keys.
type HotKeysInfo struct {
	RouteID uint64
	// Label; of a reply in JSON, one that this build doesn't know is LabelLegacy.
	Label       Label
	Series      Series
	InSubBucket bool
	SubBucket   int
	// SampleRate: one in so many observations was sampled, R.
	SampleRate uint64
	// SampledN are the sampled observations of this route, label and series, N; not scaled.
	SampledN uint64
	// DroppedSamples, of any route, could not be taken; SkippedLongKeys, of any route, were too long.
	DroppedSamples, SkippedLongKeys uint64
	// Degraded: samples were dropped, keys were skipped, or a node did not answer.
	Degraded bool
	// ErrorBound is R x N / m: by how much a count may exceed how often the key was sampled, times R. A key that isn't
	// listed, of all that a sketch holds, was sampled no more often. It bounds what the sketch adds to what was sampled,
	// and not the noise of sampling itself (see [HotKey]).
	ErrorBound uint64
	// SnapshotAt is when the snapshot was published.
	SnapshotAt time.Time
}

// HotKey is one key of a reply. Its counts are of samples, times R: CountLow <= (how often it was sampled) x R <=
// CountHigh. These are bounds of the sketch: with R = 1 they hold for the observations themselves; otherwise (samples) x R
// estimates those, with a standard error of about sqrt(R x Count).
type HotKey struct {
	Key                        []byte
	Count, CountLow, CountHigh uint64
}

// HotKeys is a reply to a question about hot keys: of one node, or of a cluster ([MergeHotKeys]). It never changes. It is
// the library's; [HotKeys.Close] frees it at once, and otherwise it goes when it is collected.
//
// Every method may be called by any goroutine at any time; on a nil or closed HotKeys it gives the zero value, or
// [ErrClosed].
type HotKeys struct {
	owner owner[hotKeysHandle]
}

// HotKeysSource is what one node of a cluster answered: with hot keys, with an error, or, if it has neither, that it has
// no snapshot.
type HotKeysSource struct {
	Node    string
	HotKeys *HotKeys
	Err     error
}

// PublishHotKeys ends the window of hot keys and publishes what was sampled in it, for [RunHotKeysAggregator] or instead
// of it. Nobody that observes or flushes waits for it. Errors: [ErrDisabled], [ErrHotKeysOff].
func (s *MemSampler) PublishHotKeys() error {
	c := s.open()
	if c == nil {
		return fmt.Errorf("%w: there is no sampler", ErrDisabled)
	}
	return c.publishHotKeys()
}

// HotKeysSnapshot is the newest published snapshot of the writes to a route under a label (any, where labels are off), a
// copy; nil: hot keys are off, the route is unknown or in a virtual bucket, or nothing was published yet. One without
// entries says that there was no traffic.
func (s *MemSampler) HotKeysSnapshot(routeID uint64, label Label) *KeyvizHotKeysSnapshot {
	if c := s.open(); c != nil {
		return c.hotKeysSnapshot(routeID, label)
	}
	return nil
}

// HotKeys answers a question about hot keys.
//
// Errors: [ErrDisabled], [ErrHotKeysOff], [ErrNoSnapshot], [ErrOutOfSnapshotWindow], [ErrInvalidArgument].
func (s *MemSampler) HotKeys(query HotKeysQuery) (*HotKeys, error) {
	c := s.open()
	if c == nil {
		return nil, fmt.Errorf("%w: there is no sampler", ErrDisabled)
	}
	return c.hotKeys(query)
}

// ParseHotKeysQuery reads a question from the query string of a URL: route_id (required), label, sub_bucket, series
// (default: writes), top, from_unix_ms, to_unix_ms. Other parameters are ignored. Errors: [ErrInvalidArgument], which
// names the parameter; [ErrDisabled].
func ParseHotKeysQuery(query string) (HotKeysQuery, error) { return parseHotKeysQuery(query) }

// ParseHotKeysJSON reads a reply from JSON that need not be trusted, of maxBytes at most; 0: 16 MiB.
//
// Errors: [ErrMalformed], [ErrTooLarge], [ErrDisabled]. They quote nothing of the input.
func ParseHotKeysJSON(data []byte, maxBytes int) (*HotKeys, error) {
	return parseHotKeysJSON(data, maxBytes)
}

// MergeHotKeys makes one reply of those of a cluster's nodes, with at most top keys; 0: 20. The nodes' replies should have
// all their keys (ask for [MaxHotKeysPerRoute]): a key may be second on every node, and first in sum.
//
// Errors: [ErrNoSnapshot] (no source has a reply), [ErrInvalidArgument] (replies to different questions), [ErrClosed],
// [ErrDisabled].
func MergeHotKeys(sources []HotKeysSource, top int) (*HotKeys, error) {
	handles := make([]hotKeysHandle, len(sources))
	for i, source := range sources {
		if source.HotKeys == nil {
			continue
		}
		h := source.HotKeys.owner.acquire()
		if h == nil {
			return nil, fmt.Errorf("%w: there are no hot keys of %s", ErrClosed, source.Node)
		}
		defer h.release()
		handles[i] = h.thing
	}
	return mergeHotKeys(sources, handles, top)
}

// Close frees the reply at once, or when the last method that is under way is done with it.
func (k *HotKeys) Close() {
	if k != nil {
		k.owner.close()
	}
}

func (k *HotKeys) use(f func(hotKeysHandle)) bool {
	if k == nil {
		return false
	}
	h := k.owner.acquire()
	if h == nil {
		return false
	}
	defer h.release()
	f(h.thing)
	return true
}

// Info is what the reply says besides its keys.
func (k *HotKeys) Info() (info HotKeysInfo) {
	k.use(func(handle hotKeysHandle) { info = handle.info() })
	return info
}

// Keys copies the keys: those with the largest counts first, ties by key.
func (k *HotKeys) Keys() (keys []HotKey) {
	k.use(func(handle hotKeysHandle) { keys = handle.keys() })
	return keys
}

// JSON is the reply as JSON, which [ParseHotKeysJSON] reads. Errors: [ErrClosed].
func (k *HotKeys) JSON() (data []byte, err error) {
	if !k.use(func(handle hotKeysHandle) { data, err = handle.json() }) {
		return nil, fmt.Errorf("%w: there are no hot keys", ErrClosed)
	}
	return data, err
}

// MarshalJSON is [HotKeys.JSON], for encoding/json. A nil HotKeys is null there.
func (k *HotKeys) MarshalJSON() ([]byte, error) { return k.JSON() }

// RunHotKeysAggregator publishes the hot keys of s every Step, and once more when ctx is done. With a nil s, or where hot
// keys are off, it waits for ctx. It keeps s alive.
func RunHotKeysAggregator(ctx context.Context, s *MemSampler) {
	if enabled, _, _, _ := s.HotKeysOptions(); !enabled {
		<-ctx.Done()
		return
	}
	ticker := time.NewTicker(s.Step())
	defer ticker.Stop()
	for done := false; !done; {
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
		// Of a tick and the end at once there is one publication: a second, empty one would hide it.
		done = ctx.Err() != nil
		// A sampler that was closed meanwhile has nothing to publish.
		_ = s.PublishHotKeys()
	}
}
