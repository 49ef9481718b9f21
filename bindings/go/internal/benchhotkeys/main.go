// Command benchhotkeys tells what hot keys cost an observation: the mean, on against off, and how long the slowest take.
// Keys are Zipf's, and in the cache, as those of a request are that a host has just read. Off and on take turns of 65 536 observations, and the median turn counts, so that a noisy machine disturbs
// both alike; before each, the caches come back in one that doesn't count.
// Usage: benchhotkeys [rounds]
package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

const (
	rate       = 16
	turn       = 1 << 16
	keyCount   = 4093 // a prime: every route meets all of them
	singles    = 1_000_000
	publishing = 32 // rounds to a window
	ratioLimit = 2.5
	tailLimit  = 2 * time.Microsecond
)

func main() {
	rounds := argument(1, 800)
	for _, routes := range []uint64{1, 256} {
		measure(routes, rounds)
	}
}

func measure(routes uint64, rounds int) {
	off, on := newSampler(routes, false), newSampler(routes, true)
	zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 1)), 1.1, 1, 1<<20)
	keys := make([][]byte, keyCount)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key%012d", zipf.Uint64())
	}
	observe := func(s *keyviz.MemSampler, i int) {
		s.Observe(1+uint64(i)*7%routes, keys[i%keyCount], keyviz.OpWrite, 100, keyviz.LabelRedis)
	}
	mean := func(s *keyviz.MemSampler) float64 {
		began := time.Now()
		for i := range turn {
			observe(s, i)
		}
		return float64(time.Since(began)) / turn
	}
	var offs, ons []float64
	for round := range rounds {
		mean(off)
		offs = append(offs, mean(off))
		mean(on)
		ons = append(ons, mean(on))
		if round%publishing == publishing-1 {
			_ = on.PublishHotKeys()
		}
	}
	without, with := median(offs), median(ons)
	// Single observations, with what reading the clock takes.
	times := make([]time.Duration, singles)
	single := func(do func(i int)) (p999 time.Duration) {
		for i := range times {
			began := time.Now()
			do(i)
			times[i] = time.Since(began)
		}
		slices.Sort(times)
		return times[singles*999/1000]
	}
	clock := single(func(int) {})
	tail := single(func(i int) { observe(on, i) })
	stats := on.Stats()
	fmt.Printf("Go Observe, %d routes: off %.1f ns, on at R = %d %.1f ns, %d samples of %d dropped\n",
		routes, without, rate, with, stats.HotKeysDropped, stats.HotKeysSampled)
	fmt.Printf("  on / off, mean              %6.2f x    limit %.1f%s\n", with/without, ratioLimit, missed(with > ratioLimit*without))
	fmt.Printf("  p99.9 of a single Observe   %6d ns   limit %d%s (reading the clock: %d, included)\n",
		tail.Nanoseconds(), tailLimit.Nanoseconds(), missed(tail > tailLimit), clock.Nanoseconds())
}

func newSampler(routes uint64, hotKeys bool) *keyviz.MemSampler {
	s := keyviz.NewMemSampler(keyviz.MemSamplerOptions{KeyVizLabelsEnabled: true, HotKeysEnabled: hotKeys, HotKeysSampleRate: rate})
	for id := uint64(1); id <= routes; id++ {
		s.RegisterRoute(id, fmt.Appendf(nil, "%08d", id), fmt.Appendf(nil, "%08d", id+1), 0)
	}
	return s
}

func argument(i, byDefault int) int {
	if len(os.Args) > i {
		if n, err := strconv.Atoi(os.Args[i]); err == nil && n > 0 {
			return n
		}
	}
	return byDefault
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

func missed(is bool) string {
	if is {
		return ", missed"
	}
	return ""
}
