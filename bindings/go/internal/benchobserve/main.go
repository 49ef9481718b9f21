//go:build cgo

// Benchobserve prints what a labelled write observation costs, one line per case, in the form of benches/observe.c:
//
//	case routes threads ns
//
// Usage: benchobserve [milliseconds per case]. Its name for Observe tells which build this is: go_observe,
// go_observe_atomic (-tags keyviz_atomic) or go_observe_cgo (-tags keyviz_cgo).
package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
	"github.com/libkeyviz/libkeyviz/bindings/go/internal/baseline"
	"github.com/libkeyviz/libkeyviz/bindings/go/internal/cgoadd"
)

const chunk = 4096

// key is the key of every observation: no sampler here reads it.
var key = []byte("key-of-16-bytes!")

func samplerWith(routes uint64) *keyviz.MemSampler {
	s := keyviz.NewMemSampler(keyviz.MemSamplerOptions{KeyVizLabelsEnabled: true})
	for id := uint64(1); id <= routes; id++ {
		s.RegisterRoute(id, fmt.Appendf(nil, "%08d", id), fmt.Appendf(nil, "%08d", id+1), 0)
	}
	return s
}

// run measures: work counts the observations [from, to).
func run(name string, routes uint64, threads int, limit time.Duration, work func(thread int) func(from, to uint64)) {
	runtime.GOMAXPROCS(threads)
	var stop atomic.Bool
	var waiting atomic.Int32
	waiting.Store(int32(threads))
	costs := make([]float64, threads)
	var all sync.WaitGroup
	for thread := range threads {
		all.Add(1)
		go func() {
			defer all.Done()
			count := work(thread)
			waiting.Add(-1)
			for waiting.Load() > 0 {
				runtime.Gosched()
			}
			var times []time.Duration
			begin := time.Now()
			for done, from := uint64(0), begin; done == 0 || !stop.Load() && from.Sub(begin) < limit; done += chunk {
				count(done, done+chunk)
				to := time.Now()
				times = append(times, to.Sub(from))
				from = to
			}
			stop.Store(true)
			// The median chunk: an interrupted one is slower by orders of magnitude.
			slices.Sort(times)
			costs[thread] = float64(times[len(times)/2].Nanoseconds()) / chunk
		}()
	}
	all.Wait()
	total := 0.0
	for _, cost := range costs {
		total += cost
	}
	fmt.Printf("%s %d %d %.3f\n", name, routes, threads, total/float64(threads))
}

func observe(routes uint64, samplers ...*keyviz.MemSampler) func(int) func(from, to uint64) {
	return func(thread int) func(from, to uint64) {
		s, key := samplers[thread%len(samplers)], key
		return func(from, to uint64) {
			for i := from; i < to; i++ {
				s.Observe(1+i*7&(routes-1), key, keyviz.OpWrite, 100, keyviz.LabelRedis)
			}
		}
	}
}

func observeBaseline(routes uint64) func(int) func(from, to uint64) {
	s := baseline.New(baseline.Options{KeyVizLabelsEnabled: true})
	for id := uint64(1); id <= routes; id++ {
		s.RegisterRoute(id, fmt.Appendf(nil, "%08d", id), fmt.Appendf(nil, "%08d", id+1), 0)
	}
	return func(int) func(from, to uint64) {
		key := key
		return func(from, to uint64) {
			for i := from; i < to; i++ {
				s.Observe(1+i*7&(routes-1), key, keyviz.OpWrite, 100, keyviz.LabelRedis)
			}
		}
	}
}

func main() {
	limit := 200 * time.Millisecond
	if len(os.Args) > 1 {
		n, err := strconv.Atoi(os.Args[1])
		if err != nil {
			fmt.Fprintln(os.Stderr, "usage: benchobserve [milliseconds per case]")
			os.Exit(2)
		}
		limit = time.Duration(n) * time.Millisecond
	}
	for _, routes := range []uint64{1, 256} {
		for _, threads := range []int{1, 2} {
			run(buildName, routes, threads, limit, observe(routes, samplerWith(routes)))
			run("go_baseline", routes, threads, limit, observeBaseline(routes))
			counters := new(cgoadd.Counters)
			run("cgo_two_atomic_adds", routes, threads, limit, func(int) func(from, to uint64) {
				key := key
				return func(from, to uint64) {
					for i := from; i < to; i++ {
						counters.Add(uint64(len(key)) + 100)
					}
				}
			})
		}
		run(buildName+"_own_samplers", routes, 2, limit, observe(routes, samplerWith(routes), samplerWith(routes)))
	}
}
