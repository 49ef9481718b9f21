//go:build cgo

package keyviz

// #include "bridge.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"
)

// chars is for what is only read. Of no bytes it may be any address.
func chars(b []byte) *C.char {
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(b)))
}

func (c *core) registerRoute(routeID uint64, start, end []byte, groupID uint64) bool {
	var placement C.uint32_t
	status := C.kv_register_route(c.handle, C.uint64_t(routeID), chars(start), C.size_t(len(start)),
		chars(end), C.size_t(len(end)), C.uint64_t(groupID), &placement)
	runtime.KeepAlive(c)
	return status == C.KEYVIZ_OK && placement == C.KEYVIZ_PLACEMENT_INDIVIDUAL
}

// registerRoutes registers routes, as the successors of others if there are any.
func (c *core) registerRoutes(routes []Route, parents []uint64) ([]bool, error) {
	individual := make([]bool, len(routes))
	size := 0
	for i := range routes {
		size += len(routes[i].Start) + len(routes[i].End)
	}
	bounds := make([]byte, 0, size)
	list := make([]C.kv_route_t, len(routes))
	for i, route := range routes {
		bounds = append(append(bounds, route.Start...), route.End...)
		list[i] = C.kv_route_t{
			route_id: C.uint64_t(route.RouteID), group_id: C.uint64_t(route.GroupID),
			start_len: C.uint64_t(len(route.Start)), end_len: C.uint64_t(len(route.End)),
		}
	}
	placements := make([]C.uint32_t, len(routes))
	now := int64(0)
	if len(parents) > 0 {
		now = c.clock.nanoseconds(c.clock.now())
	}
	failure := newError()
	status := C.kv_register_routes(c.handle, unsafe.SliceData(list), C.size_t(len(list)), chars(bounds),
		(*C.uint64_t)(unsafe.SliceData(parents)), C.size_t(len(parents)), C.int64_t(now),
		unsafe.SliceData(placements), &failure)
	runtime.KeepAlive(c)
	if status != C.KEYVIZ_OK {
		return individual, unlessClosed(status, &failure)
	}
	for i, placement := range placements {
		individual[i] = placement == C.KEYVIZ_PLACEMENT_INDIVIDUAL
	}
	return individual, nil
}

// errIO: the system refused to read or write a file.
var errIO = errors.New("keyviz: file")

// errorOf is what the library said, with an error of this package where there is one for it.
func errorOf(status C.keyviz_status_t, failure *C.keyviz_error_t) error {
	said := C.GoString(&failure.message[0])
	var kind error
	switch status {
	case C.KEYVIZ_OK:
		return nil
	case C.KEYVIZ_ERR_UNKNOWN_ROUTE:
		kind = ErrUnknownRoute
	case C.KEYVIZ_ERR_ROUTE_EXISTS:
		kind = ErrRouteExists
	case C.KEYVIZ_ERR_CORRUPT:
		kind = ErrCorruptHistory
	case C.KEYVIZ_ERR_NEWER_VERSION:
		kind = ErrNewerHistory
	case C.KEYVIZ_ERR_CLOSED:
		kind = ErrDisabled
	case C.KEYVIZ_ERR_INVALID_ARGUMENT:
		kind = ErrInvalidArgument
	case C.KEYVIZ_ERR_MALFORMED:
		kind = ErrMalformed
	case C.KEYVIZ_ERR_TOO_LARGE:
		kind = ErrTooLarge
	case C.KEYVIZ_ERR_IO:
		kind = errIO
	case C.KEYVIZ_ERR_HOT_KEYS_OFF:
		kind = ErrHotKeysOff
	case C.KEYVIZ_ERR_NO_SNAPSHOT:
		kind = ErrNoSnapshot
	case C.KEYVIZ_ERR_OUT_OF_SNAPSHOT_WINDOW:
		kind = ErrOutOfSnapshotWindow
	default:
		return errors.New("keyviz: " + said)
	}
	// The library may say the kind, too.
	kindOnly := strings.TrimPrefix(kind.Error(), "keyviz: ") + ": "
	return fmt.Errorf("%w: %s", kind, strings.TrimPrefix(said, kindOnly))
}

func (c *core) removeRoute(routeID uint64) {
	now := c.clock.nanoseconds(c.clock.now())
	C.keyviz_sampler_remove_route(c.handle, C.uint64_t(routeID), C.int64_t(now), nil)
	runtime.KeepAlive(c)
}

func (c *core) setLeaderTerm(groupID, term uint64) {
	C.keyviz_sampler_set_leader_term(c.handle, C.uint64_t(groupID), C.uint64_t(term))
	runtime.KeepAlive(c)
}

func (c *core) subBucketBounds(routeID uint64, subBucket uint32) (lo, hi []byte, ok bool) {
	defer runtime.KeepAlive(c)
	buffer := make([]byte, 64)
	for {
		var lens [2]C.size_t
		switch C.kv_sub_bucket_bounds(c.handle, C.uint64_t(routeID), C.uint32_t(subBucket), chars(buffer),
			C.size_t(len(buffer)), &lens[0]) {
		case C.KEYVIZ_OK:
			middle, end := int(lens[0]), int(lens[0]+lens[1])
			return orNil(buffer[:middle:middle]), orNil(buffer[middle:end:end]), true
		case C.KEYVIZ_ERR_BUFFER_TOO_SMALL:
			buffer = make([]byte, lens[0]+lens[1])
		default:
			return nil, nil, false
		}
	}
}

func orNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

func (c *core) stats() Stats {
	stats := C.keyviz_stats_t{type_size: C.sizeof_keyviz_stats_t}
	C.keyviz_sampler_stats(c.handle, &stats)
	runtime.KeepAlive(c)
	return Stats{
		Routes:         uint64(stats.routes),
		Slots:          uint64(stats.slots),
		VirtualBuckets: uint64(stats.virtual_buckets),
		VirtualMembers: uint64(stats.virtual_members),
		Retired:        uint64(stats.retired),
		Columns:        uint64(stats.columns),
		Lanes:          uint64(stats.lanes),
		Missed:         uint64(stats.missed),
		CounterBytes:   uint64(stats.counter_bytes),
		RouteBytes:     uint64(stats.route_bytes),
		HistoryBytes:   uint64(stats.history_bytes),

		HotKeyBytes:      uint64(stats.hot_key_bytes),
		HotKeySnapshots:  uint64(stats.hot_key_snapshots),
		HotKeysRolled:    uint64(stats.hot_keys_rolled),
		HotKeysSkipped:   uint64(stats.hot_keys_skipped),
		HotKeysSampled:   uint64(stats.hot_keys_sampled),
		HotKeysDropped:   uint64(stats.hot_keys_dropped),
		HotKeysForgotten: uint64(stats.hot_keys_forgotten),
	}
}

func (c *core) pollEvents() []Event {
	var buffer [32]C.keyviz_event_t
	var events []Event
	for {
		n := int(C.kv_poll_events(c.handle, &buffer[0], C.size_t(len(buffer))))
		for _, event := range buffer[:n] {
			events = append(events, Event{
				Kind:             EventKind(event.kind),
				RouteID:          uint64(event.route_id),
				BucketID:         uint64(event.bucket_id),
				SlotsUsed:        uint64(event.slots_used),
				MaxTrackedRoutes: uint64(event.max_tracked_routes),
				Suppressed:       uint64(event.suppressed),
			})
		}
		if n < len(buffer) {
			runtime.KeepAlive(c)
			return events
		}
	}
}

func (c *core) saveHistory() ([]byte, error) {
	defer runtime.KeepAlive(c)
	failure := newError()
	image := make([]byte, 1<<12)
	for {
		var size C.size_t
		status := C.kv_save_history(c.handle, chars(image), C.size_t(len(image)), &size, &failure)
		if status != C.KEYVIZ_ERR_BUFFER_TOO_SMALL {
			if status != C.KEYVIZ_OK {
				return nil, unlessClosed(status, &failure)
			}
			return image[:size], nil
		}
		// A flush in between may make it longer.
		image = make([]byte, size+size/8)
	}
}

func (c *core) loadHistory(image []byte) error {
	if len(image) == 0 {
		return ErrCorruptHistory
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	failure := newError()
	status := C.kv_load_history(c.handle, chars(image), C.size_t(len(image)), &failure)
	runtime.KeepAlive(c)
	return unlessClosed(status, &failure)
}

func (c *core) saveHistoryFile(path string) error {
	return c.withPath(path, func(path *C.char, failure *C.keyviz_error_t) C.keyviz_status_t {
		return C.keyviz_sampler_save_history_file(c.handle, path, failure)
	})
}

func (c *core) loadHistoryFile(path string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.withPath(path, func(path *C.char, failure *C.keyviz_error_t) C.keyviz_status_t {
		return C.keyviz_sampler_load_history_file(c.handle, path, failure)
	})
	if errors.Is(err, errIO) {
		// The system's reason, as an error of this language.
		if _, reason := os.Stat(path); reason != nil {
			return fmt.Errorf("keyviz: %w", reason)
		}
	}
	return err
}

func (c *core) withPath(path string, call func(*C.char, *C.keyviz_error_t) C.keyviz_status_t) error {
	if strings.IndexByte(path, 0) >= 0 {
		return fmt.Errorf("%w: the path %q holds a zero byte", ErrInvalidArgument, path)
	}
	text := C.CString(path)
	defer C.free(unsafe.Pointer(text))
	failure := newError()
	status := call(text, &failure)
	runtime.KeepAlive(c)
	return unlessClosed(status, &failure)
}

// unlessClosed is errorOf, but for a sampler that was closed under way, which is as one that there never was.
func unlessClosed(status C.keyviz_status_t, failure *C.keyviz_error_t) error {
	if status == C.KEYVIZ_ERR_CLOSED {
		return nil
	}
	return errorOf(status, failure)
}
