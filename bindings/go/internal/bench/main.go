//go:build cgo

// Command bench shows what the package costs beside its peers, in one run: the sampler that a Go engineer writes first
// (bindings/go/internal/baseline), the counters of Prometheus and of VictoriaMetrics, and a bare cgo call. Contenders take
// turns in short slices, and ratios are the medians of those of the rounds, so that a noisy machine disturbs all alike.
//
// Usage: bench [-rounds n] [-slice duration] [-rows n] [part...], the parts being observe, register, flush and snapshot. With
// -check it ends with status 1 where a limit is missed.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 15, "rounds of each case")
	slice := flag.Duration("slice", 8*time.Millisecond, "how long a contender counts in a round")
	rows := flag.Int("rows", 10_000, "rows of a column of the snapshot")
	check := flag.Bool("check", false, "fail where a limit is missed")
	child := flag.String("child", "", "be the contender of this name in the snapshot's part, and wait for lines")
	flag.Parse()
	if *child != "" {
		snapshotChild(*child, *rows)
		return
	}
	began := time.Now()
	fmt.Printf("%s, %s/%s, %d CPUs\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	r := &report{}
	for _, part := range []struct {
		name string
		run  func(*report)
	}{
		{"observe", func(r *report) { benchObserve(r, *rounds, *slice) }},
		{"register", func(r *report) { benchRegister(r, *rounds) }},
		{"flush", func(r *report) { benchFlush(r, *rounds) }},
		{"snapshot", func(r *report) { benchSnapshot(r, *rounds, *rows) }},
	} {
		if flag.NArg() == 0 || slices.Contains(flag.Args(), part.name) {
			part.run(r)
		}
	}
	missed := r.promises()
	fmt.Printf("\n%v\n", time.Since(began).Round(time.Second))
	if *check && missed > 0 {
		os.Exit(1)
	}
}

// report is what was measured, and what was promised of it.
type report struct {
	lines []promise
}

type promise struct {
	name            string
	measured, limit float64
	most            bool // the limit is the most it may be
}

func (r *report) promise(name string, measured, limit float64) {
	r.lines = append(r.lines, promise{name, measured, limit, false})
}

func (r *report) promiseAtMost(name string, measured, limit float64) {
	r.lines = append(r.lines, promise{name, measured, limit, true})
}

// promises prints each with its limit, and gives how many were missed.
func (r *report) promises() (missed int) {
	fmt.Printf("\n%-86s %9s %9s\n", "promise", "measured", "limit")
	for _, p := range r.lines {
		sign, said := ">=", ""
		if p.most {
			sign = "<="
		}
		if p.most && p.measured > p.limit || !p.most && p.measured < p.limit {
			said = "   missed"
			missed++
		}
		fmt.Printf("%-86s %9.2f %2s %6.2f%s\n", p.name, p.measured, sign, p.limit, said)
	}
	return missed
}

func median(values []float64) float64 {
	values = slices.Clone(values)
	slices.Sort(values)
	return values[len(values)/2]
}

// ratio is theirs by ours, the median of the rounds.
func ratio(theirs, ours []float64) float64 {
	quotients := make([]float64, len(ours))
	for i := range ours {
		quotients[i] = theirs[i] / ours[i]
	}
	return median(quotients)
}

// mallocs is how many objects f allocates, in this goroutine and every other.
func mallocs(f func()) (objects, bytes uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc
}
