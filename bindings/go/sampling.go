//go:build cgo

package keyviz

import (
	"math/rand/v2"
	"sync/atomic"
	"unsafe"
)

// sampling chooses which observations that were counted in place are samples for hot keys: one in R. Where an observation
// crosses, the library chooses.
//
// A P with a lane counts down the gap to the next sample, and puts the key of a sample into the lane's stage, which is
// memory of the library; when a batch of them is there, one call moves them into the library's sketches. The library also
// draws the gaps (roll.rs) and says what a stage is (stage.rs). In the lane that is everybody's, each observation rolls,
// and each sample crosses.
type sampling struct {
	// series: bit 0, reads are sampled; bit 1, writes are.
	series  uint32
	longest int
	rate    uint64
	// lanes are the handles of the lanes by P.
	lanes [maxLanes]laneHandle
}

// stage is where samples of a lane wait for the others of their batch.
type stage struct {
	left                          uint32 // observations up to and including the next sample; 0: each is rolled for
	filled                        uint32 // bytes of keys in use, unless nothing is staged
	tail, drawn, sampled, skipped uint64
	longest, series, labels       uint32
	_                             [3]uint32

	head uint64 // samples of tail that are in sketches: the library writes it
	_    [7]uint64

	gaps  [stageSlots]uint32 // to the sample after the one in the slot
	slots [stageSlots]stageSlot
	keys  [stageKeyBytes]byte
}

type stageSlot struct {
	routeID uint64
	keyAt   uint16
	keyLen  uint16
	sketch  uint32 // twice the label, plus the operation
}

const (
	stageSlots    = 16
	stageKeyBytes = 4096
	stageBatch    = 8
)

// handover is what is to be done about an observation, once the goroutine is pinned no more.
type handover uint8

const (
	handoverNone handover = iota
	// handoverBatch: a batch is staged.
	handoverBatch
	// handoverSample: a sample found no room in the stage.
	handoverSample
)

func newSampling(options *MemSamplerOptions, series HotKeysSeries) *sampling {
	s := &sampling{
		series:  1 << OpWrite,
		longest: options.HotKeysMaxKeyLen,
		rate:    uint64(options.HotKeysSampleRate),
	}
	switch series {
	case HotKeysReads:
		s.series = 1 << OpRead
	case HotKeysBoth:
		s.series = 1<<OpRead | 1<<OpWrite
	}
	return s
}

// stage is where the lane's samples go. Hot keys are on.
func (l *lane) stage() *stage { return (*stage)(at(l.stageAddress)) }

// sample looks at an observation that was counted in a lane of this P, to which the goroutine is pinned, and that may be
// more than a step on the way to the next sample.
//
//go:noinline
func (s *sampling) sample(stage *stage, place, routeID uint64, key []byte, op Op, label uint32) handover {
	switch {
	case s.series>>(op&1)&1 == 0 || isBucket(place):
		return handoverNone
	case len(key) > s.longest:
		stage.skipped++
		return handoverNone
	case stage.left > 1:
		stage.left--
		return handoverNone
	case stage.left == 0:
		stage.drawn++
		if rand.Uint64N(s.rate) != 0 {
			return handoverNone
		}
	}
	stage.sampled++
	// What the library has done is loaded first: then the slot is empty, and has a gap.
	waiting := stage.tail - acquire(&stage.head)
	filled := stage.filled
	if waiting == 0 {
		filled = 0
	}
	if waiting >= stageSlots || int(filled)+len(key) > stageKeyBytes {
		stage.left = 0
		return handoverSample
	}
	i := stage.tail % stageSlots
	stage.slots[i] = stageSlot{routeID: routeID, keyAt: uint16(filled), keyLen: uint16(len(key)), sketch: label<<1 | uint32(op)}
	copy(stage.keys[filled:], key)
	stage.filled = filled + uint32(len(key))
	stage.left = stage.gaps[i]
	stage.drawn += uint64(stage.left)
	release(&stage.tail, stage.tail+1)
	if waiting+1 >= stageBatch {
		return handoverBatch
	}
	return handoverNone
}

// sampleShared tells whether an observation that was counted in the lane that is everybody's is a sample.
func (s *sampling) sampleShared(stage *stage, place uint64, op Op, keyLen int) bool {
	if s.series>>(op&1)&1 == 0 || isBucket(place) {
		return false
	}
	if keyLen > s.longest {
		atomic.AddUint64(&stage.skipped, 1)
		return false
	}
	atomic.AddUint64(&stage.drawn, 1)
	if rand.Uint64N(s.rate) != 0 {
		return false
	}
	atomic.AddUint64(&stage.sampled, 1)
	return true
}

// isBucket tells whether a place is a virtual bucket's, which has no hot keys.
func isBucket(place uint64) bool {
	return place&(placeDirect|placeBucket) == placeDirect|placeBucket
}

// isKnownStage compares stage with what the library says.
func isKnownStage(said *hotLayout) bool {
	for _, offset := range [][2]uintptr{
		{uintptr(said.lane_stage), unsafe.Offsetof(lane{}.stageAddress)},
		{uintptr(said.stage_left), unsafe.Offsetof(stage{}.left)},
		{uintptr(said.stage_filled), unsafe.Offsetof(stage{}.filled)},
		{uintptr(said.stage_tail), unsafe.Offsetof(stage{}.tail)},
		{uintptr(said.stage_drawn), unsafe.Offsetof(stage{}.drawn)},
		{uintptr(said.stage_sampled), unsafe.Offsetof(stage{}.sampled)},
		{uintptr(said.stage_skipped), unsafe.Offsetof(stage{}.skipped)},
		{uintptr(said.stage_longest_key), unsafe.Offsetof(stage{}.longest)},
		{uintptr(said.stage_series), unsafe.Offsetof(stage{}.series)},
		{uintptr(said.stage_head), unsafe.Offsetof(stage{}.head)},
		{uintptr(said.stage_gaps), unsafe.Offsetof(stage{}.gaps)},
		{uintptr(said.stage_slots), unsafe.Offsetof(stage{}.slots)},
		{uintptr(said.stage_keys), unsafe.Offsetof(stage{}.keys)},
	} {
		if offset[0] != offset[1] {
			return false
		}
	}
	return said.stage_slot_count == stageSlots && said.stage_key_bytes == stageKeyBytes && said.stage_batch == stageBatch
}
