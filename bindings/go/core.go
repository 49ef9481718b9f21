//go:build cgo

package keyviz

/*
#cgo CFLAGS: -std=c11 -I${SRCDIR}
#cgo keyviz_system CFLAGS: -DKEYVIZ_SYSTEM
#cgo keyviz_system pkg-config: keyviz
#cgo !keyviz_system LDFLAGS: ${SRCDIR}/libkeyviz.a
#cgo !keyviz_system,linux LDFLAGS: -lpthread -ldl -lm
#include "bridge.h"

#cgo nocallback kv_observe
#cgo noescape kv_observe
#cgo nocallback kv_hot_sample
#cgo noescape kv_hot_sample
#cgo nocallback keyviz_hot_apply
#cgo nocallback kv_sampler_new
#cgo noescape kv_sampler_new
#cgo nocallback kv_save_history
#cgo noescape kv_save_history
#cgo nocallback kv_load_history
#cgo noescape kv_load_history
#cgo nocallback keyviz_sampler_save_history_file
#cgo nocallback keyviz_sampler_load_history_file
#cgo nocallback keyviz_columns_new
#cgo noescape keyviz_columns_new
#cgo nocallback keyviz_columns_split
#cgo noescape keyviz_columns_split
#cgo nocallback keyviz_columns_take
#cgo noescape keyviz_columns_take
#cgo nocallback keyviz_columns_next
#cgo noescape keyviz_columns_next
#cgo nocallback keyviz_columns_free
#cgo nocallback kv_lane_acquire
#cgo nocallback kv_hot_reserve
#cgo nocallback kv_register_route
#cgo noescape kv_register_route
#cgo nocallback kv_register_routes
#cgo noescape kv_register_routes
#cgo nocallback kv_flush
#cgo noescape kv_flush
#cgo nocallback kv_sub_bucket_bounds
#cgo noescape kv_sub_bucket_bounds
#cgo nocallback kv_poll_events
#cgo noescape kv_poll_events
#cgo nocallback keyviz_hot_layout
#cgo noescape keyviz_hot_layout
#cgo nocallback keyviz_sampler_stats
#cgo noescape keyviz_sampler_stats
#cgo nocallback keyviz_sampler_remove_route
#cgo nocallback keyviz_sampler_set_leader_term
#cgo nocallback keyviz_sampler_close
#cgo nocallback keyviz_sampler_free
#cgo nocallback keyviz_lane_release
#cgo nocallback keyviz_lane_hot_address
*/
import "C"

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Enabled tells whether this build counts: it needs cgo. Without it, the package compiles and every sampler is off.
const Enabled = true

// The numbers of both sides are the same, or this doesn't compile.
var (
	_ [C.KEYVIZ_LABEL_LEGACY]struct{}  = [numberLegacy]struct{}{}
	_ [C.KEYVIZ_LABEL_DYNAMO]struct{}  = [numberDynamo]struct{}{}
	_ [C.KEYVIZ_LABEL_REDIS]struct{}   = [numberRedis]struct{}{}
	_ [C.KEYVIZ_LABEL_S3]struct{}      = [numberS3]struct{}{}
	_ [C.KEYVIZ_LABEL_SQS]struct{}     = [numberSQS]struct{}{}
	_ [C.KEYVIZ_LABEL_RAWKV]struct{}   = [numberRawKV]struct{}{}
	_ [C.KEYVIZ_OP_READ]struct{}       = [OpRead]struct{}{}
	_ [C.KEYVIZ_OP_WRITE]struct{}      = [OpWrite]struct{}{}
	_ [C.KEYVIZ_LABEL_UNKNOWN]struct{} = [numberUnknown]struct{}{}
)

// maxLanes is how many Ps of the Go scheduler get counters of their own. Any further ones share.
const maxLanes = 512

// core is a sampler that is not closed. Its C side stays until the garbage collector finds that no goroutine is in a
// method any more (husk), so that no method needs a lock against Close.
type core struct {
	// What Observe reads, and nobody writes after the core was made, but for the entries of lanes.

	// table is where the address of the current route table stands; nil: every observation crosses.
	table *uint64
	// labels are those that Observe counts by itself.
	labels labelTable
	// shared is the lane of Ps that have none, and passages its passages.
	shared   *lane
	passages *sharedPassages
	// sampling is nil where hot keys are off.
	sampling *sampling
	// labelMask is 0 where labels are off: it makes every label legacy.
	labelMask uint32
	// lanes are the lanes' addresses by P; 0: not acquired yet.
	lanes [maxLanes]uintptr

	handle  *C.keyviz_sampler_t
	options MemSamplerOptions
	clock   clock
	husk    *husk
	// hotKeysSeries are those whose keys are sampled.
	hotKeysSeries HotKeysSeries
	published     publications

	// mu orders flushes, and guards what follows.
	mu      sync.Mutex
	columns stamps
	at      time.Time
}

// husk is what has to be freed. It doesn't refer to its core.
type husk struct {
	handle *C.keyviz_sampler_t
	mu     sync.Mutex
	lanes  []*C.keyviz_lane_t
}

func (h *husk) free() {
	for _, lane := range h.lanes {
		C.keyviz_lane_release(lane)
	}
	C.keyviz_sampler_free(h.handle)
}

// Version is the version of the library that is linked, "x.y.z"; "" without cgo.
func Version() string { return C.GoString(C.keyviz_version()) }

// Ready tells why samplers of this build don't count, if they don't: no cgo, or a shared library that doesn't fit the
// header that the package was built with.
func Ready() error {
	if abi := C.keyviz_abi_version(); abi != C.KEYVIZ_ABI_VERSION {
		return fmt.Errorf("keyviz: built for ABI %d, and libkeyviz %s has %d", C.KEYVIZ_ABI_VERSION, Version(), abi)
	}
	return nil
}

// newCore returns nil and an error where the library can't be used, or refuses the options.
func newCore(options MemSamplerOptions, more MoreOptions) (*core, error) {
	if err := Ready(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisabled, err)
	}
	if len(more.Resolutions) > C.KEYVIZ_RESOLUTIONS {
		return nil, fmt.Errorf("%w: %d resolutions, of at most %d", ErrInvalidArgument, len(more.Resolutions), C.KEYVIZ_RESOLUTIONS)
	}
	var resolutions [2 * C.KEYVIZ_RESOLUTIONS]C.int64_t
	for i, coarse := range more.Resolutions {
		resolutions[2*i], resolutions[2*i+1] = C.int64_t(coarse.Step), C.int64_t(coarse.Retention)
	}
	options = options.effective()
	c := &core{options: options, hotKeysSeries: more.HotKeysSeries}
	c.labels.clear()
	c.clock, c.at = newClock(options.Now)
	c.columns.limit = options.HistoryColumns
	if len(more.Resolutions) > 0 {
		// Columns leave the history in groups, as many as are summed up.
		c.columns.limit += int(more.Resolutions[0].Step / options.Step)
	}
	created := c.clock.nanoseconds(c.at)
	if created == 0 {
		created = 1 // 0 would mean the system's clock.
	}
	labelled, lanes := C.uint32_t(0), C.uint32_t(maxLanes)
	if options.KeyVizLabelsEnabled {
		labelled, c.labelMask = 1, math.MaxUint32
	}
	tracked := C.kv_hot_keys_t{
		entries: number32(options.HotKeysPerRoute),
		rate:    number32(options.HotKeysSampleRate),
		queue:   number32(options.HotKeysQueueSize),
		longest: number32(options.HotKeysMaxKeyLen),
		series:  C.uint32_t(more.HotKeysSeries),
	}
	if options.HotKeysEnabled {
		// The threads that hand samples over take lanes, too.
		tracked.enabled, lanes = 1, 2*maxLanes
		if more.HotKeysInColumns {
			tracked.in_columns = 1
		}
	}
	failure := newError()
	c.handle = C.kv_sampler_new(C.int64_t(options.Step), C.int64_t(created), number32(options.HistoryColumns),
		number32(options.MaxTrackedRoutes), number32(options.MaxMemberRoutesPerSlot),
		number32(options.KeyBucketsPerRoute), labelled, lanes, C.uint64_t(more.MemoryLimitBytes), &resolutions[0],
		&tracked, &failure)
	if c.handle == nil {
		return nil, errorOf(failure.status, &failure)
	}
	c.husk = &husk{handle: c.handle}
	runtime.AddCleanup(c, (*husk).free, c.husk)
	if countsInPlace {
		c.readLayout()
	}
	return c, nil
}

func number32(n int) C.uint32_t {
	return C.uint32_t(min(uint64(n), math.MaxUint32))
}

func (c *core) close() {
	C.keyviz_sampler_close(c.handle)
	runtime.KeepAlive(c)
}

// acquire gets a lane for a P that has none; false: there are no more.
func (c *core) acquire(p int) bool {
	if uint(p) >= maxLanes || c.table == nil {
		return false
	}
	c.husk.mu.Lock()
	defer c.husk.mu.Unlock()
	if atomic.LoadUintptr(&c.lanes[p]) == 0 {
		lane := c.husk.take()
		if c.sampling != nil {
			c.sampling.lanes[p] = lane
		}
		if lane != nil {
			atomic.StoreUintptr(&c.lanes[p], uintptr(C.keyviz_lane_hot_address(lane)))
		}
	}
	return atomic.LoadUintptr(&c.lanes[p]) != 0
}

// laneHandle is a lane that was acquired.
type laneHandle = *C.keyviz_lane_t

// take takes one more lane; nil: there are no more. The caller holds the lock.
func (h *husk) take() laneHandle {
	lane := C.kv_lane_acquire(h.handle)
	if lane != nil {
		h.lanes = append(h.lanes, lane)
	}
	return lane
}

// reserve maps the segment of a cell in a lane.
func (c *core) reserve(lane uintptr, cell uint32) bool {
	status := C.kv_hot_reserve(c.handle, C.uintptr_t(lane), C.uint32_t(cell))
	runtime.KeepAlive(c)
	return status == C.KEYVIZ_OK
}

// cross counts an observation in one call of the library.
func (c *core) cross(routeID uint64, key []byte, op Op, size uint64, label uint32) {
	C.kv_observe(c.handle, C.uint64_t(routeID), chars(key), C.size_t(len(key)), C.uint32_t(op),
		C.uint64_t(size-uint64(len(key))), C.uint32_t(label))
	runtime.KeepAlive(c)
}

// handOver gives the library what a lane has staged, or the key of a sample that found no room there.
//
//go:noinline
func (c *core) handOver(what handover, lane laneHandle, routeID uint64, key []byte, op Op, label uint32) {
	if what == handoverSample {
		C.kv_hot_sample(c.handle, C.uint64_t(routeID), chars(key), C.size_t(len(key)), C.uint32_t(op), C.uint32_t(label))
	}
	if lane != nil {
		C.keyviz_hot_apply(lane)
	}
	runtime.KeepAlive(c)
}
