//go:build cgo

package keyviz

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
)

// sampling chooses which observations that were counted in place the library is told of, for hot keys: one in R, and
// those whose key is too long, which the library counts. Where an observation crosses, the library rolls by itself.
//
// A P with a lane doesn't roll for each observation: it draws the gap to the next sample, so that nearly every
// observation is a decrement. Gaps are geometric, which is what independent rolls give (Vitter, "Faster Methods for
// Random Sampling", CACM 1984), so that no period in the workload meets one in the samples. In the lane that is
// everybody's, each observation rolls.
type sampling struct {
	// series: bit 0, reads are sampled; bit 1, writes are.
	series  uint8
	longest int
	rate    uint64
	// scale is 1 / ln(1 - 1/R); 0 where R is 1, so that every gap is 1.
	scale float64
	// gaps are by P. Only a goroutine that is pinned to the P writes its gap.
	gaps [maxLanes]gap
	// rolled observations of the shared lane.
	rolled atomic.Uint64
}

// gap is one P's way to the next sample, in a cache line of its own.
type gap struct {
	// left observations up to and including the next sample, from 1.
	left uint64
	// drawn is how long all gaps were, the one under way included.
	drawn uint64
	// state of the generator, which is SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
	state uint64
	_     [5]uint64
}

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
	if s.rate > 1 {
		s.scale = 1 / math.Log1p(-1/float64(s.rate))
	}
	for i := range s.gaps {
		s.gaps[i].state = rand.Uint64()
		s.gaps[i].draw(s.scale)
	}
	return s
}

// draw begins the next gap; it is true.
func (g *gap) draw(scale float64) bool {
	g.state += 0x9e37_79b9_7f4a_7c15
	z := g.state
	z = (z ^ z>>30) * 0xbf58_476d_1ce4_e5b9
	z = (z ^ z>>27) * 0x94d0_49bb_1331_11eb
	z ^= z >> 31
	// Of a number in (0, 1]: a gap is at most 37 R.
	g.left = 1 + uint64(math.Log(float64(z>>11+1)/(1<<53))*scale)
	g.drawn += g.left
	return true
}

// isDue tells whether the library is to be told of an observation that was counted in the lane of this P, to which the
// goroutine is pinned.
func (s *sampling) isDue(p int, place uint64, op Op, keyLen int) bool {
	if s.series>>(op&1)&1 == 0 || isBucket(place) {
		return false
	}
	if keyLen > s.longest {
		return true
	}
	gap := &s.gaps[p&(maxLanes-1)]
	gap.left--
	return gap.left == 0 && gap.draw(s.scale)
}

// isDueShared is isDue for the lane that is everybody's.
func (s *sampling) isDueShared(place uint64, op Op, keyLen int) bool {
	if s.series>>(op&1)&1 == 0 || isBucket(place) {
		return false
	}
	if keyLen > s.longest {
		return true
	}
	s.rolled.Add(1)
	return rand.Uint64N(s.rate) == 0
}

// rolls is how many observations were rolled for on this side. It is exact while nobody observes.
func (s *sampling) rolls() uint64 {
	if s == nil {
		return 0
	}
	sum := s.rolled.Load()
	for i := range s.gaps {
		gap := &s.gaps[i]
		sum += atomic.LoadUint64(&gap.drawn) - atomic.LoadUint64(&gap.left)
	}
	return sum
}

// isBucket tells whether a place is a virtual bucket's, which has no hot keys.
func isBucket(place uint64) bool {
	return place&(placeDirect|placeBucket) == placeDirect|placeBucket
}
