//go:build cgo

package keyviz

// #include "bridge.h"
//
// #cgo nocallback keyviz_sampler_publish_hot_keys
// #cgo nocallback keyviz_hot_keys_query
// #cgo noescape keyviz_hot_keys_query
// #cgo nocallback kv_hot_keys_query_parse
// #cgo noescape kv_hot_keys_query_parse
// #cgo nocallback keyviz_hot_keys_info
// #cgo noescape keyviz_hot_keys_info
// #cgo nocallback keyviz_hot_keys_entries
// #cgo noescape keyviz_hot_keys_entries
// #cgo nocallback keyviz_hot_keys_to_json
// #cgo noescape keyviz_hot_keys_to_json
// #cgo nocallback kv_hot_keys_from_json
// #cgo noescape kv_hot_keys_from_json
// #cgo nocallback kv_hot_keys_merge
// #cgo noescape kv_hot_keys_merge
// #cgo nocallback keyviz_hot_keys_free
import "C"

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// The numbers of both sides are the same, or this doesn't compile.
var (
	_ [C.KEYVIZ_HOT_KEYS_WRITES]struct{} = [HotKeysWrites]struct{}{}
	_ [C.KEYVIZ_HOT_KEYS_READS]struct{}  = [HotKeysReads]struct{}{}
	_ [C.KEYVIZ_HOT_KEYS_BOTH]struct{}   = [HotKeysBoth]struct{}{}
)

// allHotKeys is a top that cuts nothing.
const allHotKeys = 1024

// publications are the times of the last two, as the host's clock gave them: what is read while a publication is under way
// may be of the one before.
type publications struct {
	// publishing orders publications, and mu guards the times.
	publishing sync.Mutex
	mu         sync.Mutex
	times      [2]time.Time
}

// at is the time at so many nanoseconds.
func (p *publications) at(c clock, ns int64) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.times {
		if !t.IsZero() && c.nanoseconds(t) == ns {
			return t
		}
	}
	return c.time(ns)
}

func (c *core) publishHotKeys() error {
	p := &c.published
	p.publishing.Lock()
	defer p.publishing.Unlock()
	now := c.clock.now()
	p.mu.Lock()
	p.times = [2]time.Time{now, p.times[0]}
	p.mu.Unlock()
	failure := newError()
	status := C.keyviz_sampler_publish_hot_keys(c.handle, C.int64_t(c.clock.nanoseconds(now)), &failure)
	runtime.KeepAlive(c)
	return errorOf(status, &failure)
}

func (c *core) hotKeysSnapshot(routeID uint64, label Label) *KeyvizHotKeysSnapshot {
	query := HotKeysQuery{RouteID: routeID, Label: label, Series: SeriesWrites, Top: allHotKeys}
	reply, err := c.hotKeys(query)
	if err != nil {
		return nil
	}
	defer reply.Close()
	snapshot := &KeyvizHotKeysSnapshot{Capacity: c.options.HotKeysPerRoute}
	reply.use(func(handle hotKeysHandle) {
		raw := handle.raw()
		info := handle.info()
		snapshot.RouteID, snapshot.Label = info.RouteID, info.Label
		snapshot.SampledN = info.SampledN
		snapshot.DroppedSamples, snapshot.SkippedLongKeys = info.DroppedSamples, info.SkippedLongKeys
		snapshot.SnapshotAt = c.published.at(c.clock, int64(raw.snapshot_at_ns))
		snapshot.SampleRate = int(info.SampleRate)
		for _, one := range handle.keys() {
			snapshot.Entries = append(snapshot.Entries, KeyvizHotKeyEntry{Key: one.Key, Count: one.Count / info.SampleRate})
		}
	})
	return snapshot
}

func (c *core) hotKeys(query HotKeysQuery) (*HotKeys, error) {
	asked := C.keyviz_hot_keys_query_t{
		type_size: C.sizeof_keyviz_hot_keys_query_t, route_id: C.uint64_t(query.RouteID),
		label: C.uint32_t(query.Label.number() & c.labelMask), series: C.uint32_t(query.Series),
		top:          C.int64_t(query.Top),
		from_unix_ms: c.milliseconds(query.From, -1), to_unix_ms: c.milliseconds(query.To, 1),
	}
	if query.InSubBucket {
		if query.SubBucket < 0 || query.SubBucket > math.MaxUint32 {
			return nil, fmt.Errorf("%w: there is no sub-bucket %d", ErrInvalidArgument, query.SubBucket)
		}
		asked.flags |= C.KEYVIZ_HOT_KEYS_SUB_BUCKET
		asked.sub_bucket = C.uint32_t(query.SubBucket)
	}
	if !query.Column.IsZero() {
		sequence, ok := c.sequenceAt(query.Column)
		if !ok {
			return nil, fmt.Errorf("%w: there is no column of that time", ErrNoSnapshot)
		}
		asked.flags |= C.KEYVIZ_HOT_KEYS_COLUMN
		asked.column = C.uint64_t(sequence)
	}
	var at *C.keyviz_hot_keys_t
	err := newError()
	status := C.keyviz_hot_keys_query(c.handle, &asked, &at, &err)
	runtime.KeepAlive(c)
	return newHotKeys(at, status, &err)
}

// milliseconds is a time as a bound for the library, to which 0 means none; instead of that time, another one.
func (c *core) milliseconds(t time.Time, instead C.int64_t) C.int64_t {
	if t.IsZero() {
		return 0
	}
	if ms := c.clock.nanoseconds(t) / int64(time.Millisecond); ms != 0 {
		return C.int64_t(ms)
	}
	return instead
}

// sequenceAt is the number of the newest column that was committed at a time.
func (c *core) sequenceAt(at time.Time) (sequence uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.columns.ring {
		if one.at.Equal(at) && (!ok || one.sequence > sequence) {
			sequence, ok = one.sequence, true
		}
	}
	return sequence, ok
}

func parseHotKeysQuery(text string) (HotKeysQuery, error) {
	if err := Ready(); err != nil {
		return HotKeysQuery{}, fmt.Errorf("%w: %w", ErrDisabled, err)
	}
	parsed := C.keyviz_hot_keys_query_t{type_size: C.sizeof_keyviz_hot_keys_query_t}
	failure := newError()
	status := C.kv_hot_keys_query_parse(charsOf(text), C.size_t(len(text)), &parsed, &failure)
	if err := errorOf(status, &failure); err != nil {
		return HotKeysQuery{}, err
	}
	query := HotKeysQuery{
		RouteID: uint64(parsed.route_id), Label: labels[parsed.label], Series: Series(parsed.series),
		InSubBucket: parsed.flags&C.KEYVIZ_HOT_KEYS_SUB_BUCKET != 0, SubBucket: int(parsed.sub_bucket),
		Top: int(min(parsed.top, allHotKeys)),
	}
	if ms := int64(parsed.from_unix_ms); ms != 0 {
		query.From = time.UnixMilli(ms)
	}
	if ms := int64(parsed.to_unix_ms); ms != 0 {
		query.To = time.UnixMilli(ms)
	}
	return query, nil
}

func parseHotKeysJSON(data []byte, maxBytes int) (*HotKeys, error) {
	if err := Ready(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisabled, err)
	}
	var at *C.keyviz_hot_keys_t
	err := newError()
	status := C.kv_hot_keys_from_json(chars(data), C.size_t(len(data)), C.size_t(max(maxBytes, 0)), &at, &err)
	return newHotKeys(at, status, &err)
}

func mergeHotKeys(sources []HotKeysSource, handles []hotKeysHandle, top int) (*HotKeys, error) {
	if err := Ready(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisabled, err)
	}
	list := make([]C.kv_source_t, len(sources))
	var texts []byte
	for i, source := range sources {
		list[i] = C.kv_source_t{reply: handles[i].at, node_len: C.uint64_t(len(source.Node))}
		texts = append(texts, source.Node...)
		if source.Err != nil {
			said := source.Err.Error()
			list[i].failed, list[i].error_len = 1, C.uint64_t(len(said))
			texts = append(texts, said...)
		}
	}
	var at *C.keyviz_hot_keys_t
	err := newError()
	status := C.kv_hot_keys_merge(unsafe.SliceData(list), C.size_t(len(list)), chars(texts), C.size_t(max(top, 0)), &at, &err)
	return newHotKeys(at, status, &err)
}

// hotKeysHandle is a reply that is not freed.
type hotKeysHandle struct{ at *C.keyviz_hot_keys_t }

func (h hotKeysHandle) free() { C.keyviz_hot_keys_free(h.at) }

// newHotKeys makes a HotKeys of what a call gave out.
func newHotKeys(at *C.keyviz_hot_keys_t, status C.keyviz_status_t, err *C.keyviz_error_t) (*HotKeys, error) {
	if err := errorOf(status, err); err != nil {
		return nil, err
	}
	k := &HotKeys{}
	own(k, &k.owner, hotKeysHandle{at}, hotKeysHandle.free)
	return k, nil
}

func (h hotKeysHandle) raw() C.keyviz_hot_keys_info_t {
	info := C.keyviz_hot_keys_info_t{type_size: C.sizeof_keyviz_hot_keys_info_t}
	C.keyviz_hot_keys_info(h.at, &info, nil)
	return info
}

func (h hotKeysHandle) info() HotKeysInfo {
	raw := h.raw()
	label := LabelLegacy
	if int(raw.label) < len(labels) {
		label = labels[raw.label]
	}
	return HotKeysInfo{
		RouteID:         uint64(raw.route_id),
		Label:           label,
		Series:          Series(raw.series),
		InSubBucket:     raw.flags&C.KEYVIZ_HOT_KEYS_SUB_BUCKET != 0,
		SubBucket:       int(raw.sub_bucket),
		SampleRate:      uint64(raw.sample_rate),
		SampledN:        uint64(raw.sampled_n),
		DroppedSamples:  uint64(raw.dropped_samples),
		SkippedLongKeys: uint64(raw.skipped_long_keys),
		Degraded:        raw.degraded != 0,
		ErrorBound:      uint64(raw.error_bound),
		SnapshotAt:      time.Unix(0, int64(raw.snapshot_at_ns)),
	}
}

func (h hotKeysHandle) keys() []HotKey {
	info := h.raw()
	if info.keys == 0 {
		return nil
	}
	list := make([]C.keyviz_hot_key_t, info.keys)
	list[0].type_size = C.sizeof_keyviz_hot_key_t
	var count C.size_t
	C.keyviz_hot_keys_entries(h.at, 0, &list[0], C.size_t(len(list)), &count, nil)
	bytes := make([]byte, 0, info.key_bytes)
	keys := make([]HotKey, count)
	for i := range keys {
		one, from := &list[i], len(bytes)
		bytes = append(bytes, unsafe.Slice((*byte)(one.key), one.key_len)...)
		keys[i] = HotKey{
			Key:   bytes[from:len(bytes):len(bytes)],
			Count: uint64(one.count), CountLow: uint64(one.count_low), CountHigh: uint64(one.count_high),
		}
	}
	return keys
}

func (h hotKeysHandle) json() ([]byte, error) {
	return written(0, func(buffer unsafe.Pointer, capacity C.size_t, size *C.size_t, err *C.keyviz_error_t) C.keyviz_status_t {
		return C.keyviz_hot_keys_to_json(h.at, buffer, capacity, size, err)
	})
}
