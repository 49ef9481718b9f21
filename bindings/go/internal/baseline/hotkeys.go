package baseline

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

// hotKeys samples keys into a queue. A goroutine takes them out, and counts them in the slots' sketches.
type hotKeys struct {
	rate    uint64
	queue   chan sample
	dropped atomic.Uint64
	// queued and counted samples, so far.
	queued, counted atomic.Uint64
}

type sample struct {
	slot *slot
	key  []byte
}

func newHotKeys(rate int) *hotKeys {
	h := &hotKeys{rate: uint64(rate), queue: make(chan sample, keyviz.DefaultHotKeysQueueSize)}
	go func() {
		for sample := range h.queue {
			sample.slot.sketch.add(sample.key)
			h.counted.Add(1)
		}
	}()
	return h
}

func (h *hotKeys) offer(slot *slot, key []byte) {
	if len(key) > keyviz.DefaultHotKeysMaxKeyLen || rand.Uint64N(h.rate) != 0 {
		return
	}
	select {
	case h.queue <- sample{slot, slices.Clone(key)}:
		h.queued.Add(1)
	default:
		h.dropped.Add(1)
	}
}

// sketch is Space-Saving over a heap with the least count on top.
type sketch struct {
	mu      sync.Mutex
	entries map[string]*entry
	least   leastFirst
}

type entry struct {
	key   string
	count uint64
	index int
}

func newSketch() *sketch { return &sketch{entries: make(map[string]*entry)} }

func (s *sketch) add(key []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[string(key)]; e != nil {
		e.count++
		heap.Fix(&s.least, e.index)
		return
	}
	if len(s.least) < keyviz.DefaultHotKeysPerRoute {
		e := &entry{key: string(key), count: 1}
		s.entries[e.key] = e
		heap.Push(&s.least, e)
		return
	}
	e := s.least[0]
	delete(s.entries, e.key)
	e.key = string(key)
	e.count++
	s.entries[e.key] = e
	heap.Fix(&s.least, 0)
}

// leastFirst is a [heap.Interface].
type leastFirst []*entry

func (h leastFirst) Len() int           { return len(h) }
func (h leastFirst) Less(i, j int) bool { return h[i].count < h[j].count }
func (h leastFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].index, h[j].index = i, j }
func (h *leastFirst) Push(e any)        { one := e.(*entry); one.index = len(*h); *h = append(*h, one) }
func (h *leastFirst) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
