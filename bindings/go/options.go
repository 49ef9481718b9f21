package keyviz

import (
	"math"
	"time"
)

// MemSamplerOptions say how a sampler is made. In every number, a value of 0 or below means the default, and a value
// above the cap means the cap; the constants Default… and Max… name them.
type MemSamplerOptions struct {
	// Step is the flush interval; default 60 s. Somebody has to flush: [RunFlusher]. A removed route is still drained
	// for max(2 Steps, 5 s).
	Step time.Duration
	// HistoryColumns is how many columns are kept, the newest; default 1440.
	HistoryColumns int
	// MaxTrackedRoutes is how many routes have slots of their own; default 10 000. Further ones fold into a virtual
	// bucket.
	MaxTrackedRoutes int
	// MaxMemberRoutesPerSlot is how many members a virtual bucket's row lists; default 256. Further ones count.
	MaxMemberRoutesPerSlot int
	// KeyBucketsPerRoute is how many parts a route's range is cut into; default 1, cap 256.
	KeyBucketsPerRoute int
	// KeyVizLabelsEnabled gives each label of a route its own slot. Without it, every observation counts as legacy.
	KeyVizLabelsEnabled bool
	// HotKeysEnabled samples the keys of writes on routes with slots of their own; see [MemSampler.HotKeysSnapshot].
	// Without it no key is kept anywhere. Somebody has to publish what was sampled: [RunHotKeysAggregator].
	HotKeysEnabled bool
	// HotKeysPerRoute is the capacity in keys of a sketch, of which there is one for each route, label and series; default
	// 64, cap 256. A key that is more than one in so many samples is always found.
	HotKeysPerRoute int
	// HotKeysSampleRate: one in so many observations is sampled; default 16, cap 1024.
	HotKeysSampleRate int
	// HotKeysQueueSize is what a thread holds between two publications, in full sketches of short keys (some 5 kB each where
	// HotKeysPerRoute is 64); default 8192, cap 65536. Above that, it merges some into those that all threads share.
	HotKeysQueueSize int
	// HotKeysMaxKeyLen is the longest key that is sampled, in bytes; default 1024, cap 4096. Longer ones are counted as
	// skipped, and never cut.
	HotKeysMaxKeyLen int
	// Now is the clock: every time that the sampler stamps comes from it. Default: time.Now. It may be called from any
	// goroutine, one of them holding the sampler's lock: it must not call the sampler.
	Now func() time.Time
}

// effective applies defaults and caps.
func (o MemSamplerOptions) effective() MemSamplerOptions {
	if o.Step <= 0 {
		o.Step = DefaultStep
	}
	o.HistoryColumns = within(o.HistoryColumns, DefaultHistoryColumns, MaxHistoryColumns)
	o.MaxTrackedRoutes = within(o.MaxTrackedRoutes, DefaultMaxTrackedRoutes, math.MaxInt)
	o.MaxMemberRoutesPerSlot = within(o.MaxMemberRoutesPerSlot, DefaultMaxMemberRoutesPerSlot, math.MaxInt)
	o.KeyBucketsPerRoute = within(o.KeyBucketsPerRoute, DefaultKeyBucketsPerRoute, MaxKeyBucketsPerRoute)
	o.HotKeysPerRoute = within(o.HotKeysPerRoute, DefaultHotKeysPerRoute, MaxHotKeysPerRoute)
	o.HotKeysSampleRate = within(o.HotKeysSampleRate, DefaultHotKeysSampleRate, MaxHotKeysSampleRate)
	o.HotKeysQueueSize = within(o.HotKeysQueueSize, DefaultHotKeysQueueSize, MaxHotKeysQueueSize)
	o.HotKeysMaxKeyLen = within(o.HotKeysMaxKeyLen, DefaultHotKeysMaxKeyLen, MaxHotKeysMaxKeyLen)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func within(value, byDefault, limit int) int {
	if value <= 0 {
		return byDefault
	}
	return min(value, limit)
}
