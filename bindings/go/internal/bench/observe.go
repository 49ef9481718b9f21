//go:build cgo

package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
	"github.com/libkeyviz/libkeyviz/bindings/go/internal/baseline"
	"github.com/libkeyviz/libkeyviz/bindings/go/internal/cgoadd"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	valueLen = 100
	// chunk is how many observations are timed together. The median chunk counts: an interrupted one is slower by orders of
	// magnitude.
	chunk         = 4096
	hotRate       = 16
	textbookLimit = 6
)

// load is what is observed: labelled writes, spread over the routes.
type load struct {
	routes  uint64
	parts   int
	hotKeys bool
	misses  bool // the observed routes are not registered
}

func (l load) String() string {
	s := fmt.Sprintf("%d routes", l.routes)
	if l.routes == 1 {
		s = "1 route"
	}
	if l.parts > 1 {
		s += fmt.Sprintf(", K = %d", l.parts)
	}
	if l.hotKeys {
		s += fmt.Sprintf(", hot keys (1 in %d)", hotRate)
	}
	if l.misses {
		s += ", misses"
	}
	return s
}

// route is that of observation i.
func (l load) route(i uint64) uint64 {
	route := 1 + uint64(uint32(i)*0x9e37_79b1)*l.routes>>32
	if l.misses {
		route += 1 << 40
	}
	return route
}

// keys are of 16 bytes; with hot keys Zipf's, and otherwise spread over the range of the routes, which is the same for all.
func (l load) keys() [][]byte {
	random := rand.New(rand.NewPCG(1, 1))
	zipf := rand.NewZipf(random, 1.1, 1, 1<<20)
	keys := make([][]byte, 64)
	if l.hotKeys {
		keys = make([][]byte, 1<<12)
	}
	for i := range keys {
		id := random.Uint64N(1e12)
		if l.hotKeys {
			id = zipf.Uint64()
		}
		keys[i] = fmt.Appendf(nil, "key/%012d", id)
	}
	return keys
}

func (l load) catalogue() []keyviz.Route {
	routes := make([]keyviz.Route, l.routes)
	for i := range routes {
		routes[i] = keyviz.Route{RouteID: uint64(i) + 1, Start: []byte("key/0"), End: []byte("key/:")}
	}
	return routes
}

// contender is one way to count: count counts the observations of a chunk, from the number given on, to the end: work that it
// leaves to another goroutine is part of it.
type contender struct {
	name  string
	count func(from uint64)
}

// contenders are ready to count the load. What a label costs is part of it for those who have labels; the names of the
// routes are made before.
func (l load) contenders() (list []contender, done func()) {
	keys, routes := l.keys(), l.catalogue()
	mask := uint64(len(keys) - 1)

	ours := keyviz.NewMemSampler(keyviz.MemSamplerOptions{
		KeyVizLabelsEnabled: true, KeyBucketsPerRoute: l.parts, HotKeysEnabled: l.hotKeys, HotKeysSampleRate: hotRate,
	})
	ours.RegisterRoutes(routes)
	options := baseline.Options{KeyVizLabelsEnabled: true, KeyBucketsPerRoute: l.parts}
	if l.hotKeys {
		options.HotKeysSampleRate = hotRate
	}
	textbook := baseline.New(options)
	textbook.RegisterRoutes(routes)
	list = []contender{
		{"libkeyviz", func(from uint64) {
			for i := from; i < from+chunk; i++ {
				ours.Observe(l.route(i), keys[i&mask], keyviz.OpWrite, valueLen, keyviz.LabelRedis)
			}
		}},
		{"textbook sampler", func(from uint64) {
			for i := from; i < from+chunk; i++ {
				textbook.Observe(l.route(i), keys[i&mask], keyviz.OpWrite, valueLen, keyviz.LabelRedis)
			}
			textbook.Settle()
		}},
	}
	done = func() { ours.Close(); textbook.Close() }
	if l.hotKeys || l.misses || l.parts > 1 {
		return list, done // The others have no such thing.
	}

	counters := new(cgoadd.Counters)
	vec := func(name string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name}, []string{"route", "label"})
	}
	ops, bytes, set := vec("writes_total"), vec("write_bytes_total"), metrics.NewSet()
	type kept struct {
		name, opsName, bytesName      string
		promOps, promBytes            prometheus.Counter
		victoriaOps, victoriaByteSums *metrics.Counter
	}
	inHand, byRoute := make([]kept, len(routes)+1), make(map[uint64]*kept)
	for id := range inHand {
		k := &inHand[id]
		k.name = fmt.Sprint(id)
		k.opsName = fmt.Sprintf("writes_total{route=%q,label=%q}", k.name, keyviz.LabelRedis)
		k.bytesName = fmt.Sprintf("write_bytes_total{route=%q,label=%q}", k.name, keyviz.LabelRedis)
		k.promOps, k.promBytes = ops.WithLabelValues(k.name, string(keyviz.LabelRedis)), bytes.WithLabelValues(k.name, string(keyviz.LabelRedis))
		k.victoriaOps, k.victoriaByteSums = set.GetOrCreateCounter(k.opsName), set.GetOrCreateCounter(k.bytesName)
		byRoute[uint64(id)] = k
	}
	return append(list,
		contender{"cgo call, 2 atomic adds", func(from uint64) {
			for i := from; i < from+chunk; i++ {
				counters.Add(uint64(len(keys[i&mask])) + valueLen)
			}
		}},
		contender{"Prometheus, WithLabelValues", func(from uint64) {
			for i := from; i < from+chunk; i++ {
				k := &inHand[l.route(i)]
				ops.WithLabelValues(k.name, string(keyviz.LabelRedis)).Inc()
				bytes.WithLabelValues(k.name, string(keyviz.LabelRedis)).Add(float64(len(keys[i&mask]) + valueLen))
			}
		}},
		contender{"Prometheus, a map of children", func(from uint64) {
			for i := from; i < from+chunk; i++ {
				k := byRoute[l.route(i)]
				k.promOps.Inc()
				k.promBytes.Add(float64(len(keys[i&mask]) + valueLen))
			}
		}},
		contender{"VictoriaMetrics, GetOrCreate", func(from uint64) {
			for i := from; i < from+chunk; i++ {
				k := &inHand[l.route(i)]
				set.GetOrCreateCounter(k.opsName).Inc()
				set.GetOrCreateCounter(k.bytesName).Add(len(keys[i&mask]) + valueLen)
			}
		}},
		contender{"VictoriaMetrics, a map of counters", func(from uint64) {
			for i := from; i < from+chunk; i++ {
				k := byRoute[l.route(i)]
				k.victoriaOps.Inc()
				k.victoriaByteSums.Add(len(keys[i&mask]) + valueLen)
			}
		}},
		contender{"Prometheus, children" + noLookUp, func(from uint64) {
			for i := from; i < from+chunk; i++ {
				k := &inHand[l.route(i)]
				k.promOps.Inc()
				k.promBytes.Add(float64(len(keys[i&mask]) + valueLen))
			}
		}},
		contender{"VictoriaMetrics, counters" + noLookUp, func(from uint64) {
			for i := from; i < from+chunk; i++ {
				k := &inHand[l.route(i)]
				k.victoriaOps.Inc()
				k.victoriaByteSums.Add(len(keys[i&mask]) + valueLen)
			}
		}},
	), done
}

// noLookUp marks what finds nothing by the route's id: the bare cost of two counters. It is shown, and nothing is promised.
const noLookUp = " at hand"

func benchObserve(r *report, rounds int, slice time.Duration) {
	fmt.Println("\nObserve, one labelled write, ns (median of the rounds):")
	for _, l := range []load{
		{routes: 1, parts: 1}, {routes: 256, parts: 1}, {routes: 10_000, parts: 1},
		{routes: 1, parts: 64}, {routes: 256, parts: 64}, {routes: 10_000, parts: 64},
		{routes: 1, parts: 1, hotKeys: true}, {routes: 256, parts: 1, hotKeys: true}, {routes: 10_000, parts: 1, hotKeys: true},
		{routes: 256, parts: 1, misses: true},
	} {
		contenders, done := l.contenders()
		countFor(contenders[0], 2, slice)
		const counted = 100 * chunk
		objects := uint64(math.MaxUint64)
		for range 3 { // The runtime may allocate one for itself.
			once, _ := mallocs(func() {
				for from := uint64(0); from < counted; from += chunk {
					contenders[0].count(from)
				}
			})
			objects = min(objects, once)
		}
		r.promiseAtMost(fmt.Sprintf("Observe, %v: objects that %d of it allocate", l, counted), float64(objects), 0)
		for _, threads := range []int{1, 2} {
			name := fmt.Sprintf("%v, GOMAXPROCS %d", l, threads)
			benchLoad(r, name, contenders, threads, rounds, slice)
		}
		done()
		runtime.GC()
	}
}

func benchLoad(r *report, name string, contenders []contender, threads, rounds int, slice time.Duration) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	costs := make([][]float64, len(contenders))
	for _, c := range contenders {
		countFor(c, threads, slice/4)
	}
	for range rounds {
		for i, c := range contenders {
			costs[i] = append(costs[i], countFor(c, threads, slice))
		}
	}
	fmt.Printf("\n  %s\n    %-36s %9.2f\n", name, contenders[0].name, median(costs[0]))
	nearest := promise{limit: 1}
	for i, c := range contenders[1:] {
		times := ratio(costs[i+1], costs[0])
		fmt.Printf("    %-36s %9.2f  libkeyviz is %6.2f times as fast\n", c.name, median(costs[i+1]), times)
		against := fmt.Sprintf("Observe, %s: against %s", name, c.name)
		if i == 0 {
			r.promise(against, times, textbookLimit)
		} else if !strings.HasSuffix(c.name, noLookUp) && (nearest.name == "" || times < nearest.measured) {
			nearest.name, nearest.measured = against, times
		}
	}
	if nearest.name != "" {
		r.lines = append(r.lines, nearest)
	}
}

// countFor lets goroutines count at the same time, and gives the ns of one observation.
func countFor(c contender, threads int, limit time.Duration) float64 {
	var all sync.WaitGroup
	costs := make([]float64, threads)
	for thread := range threads {
		all.Add(1)
		go func() {
			defer all.Done()
			var times []time.Duration
			begin := time.Now()
			for from, at := uint64(thread)<<30, begin; len(times) == 0 || at.Sub(begin) < limit; from += chunk {
				c.count(from)
				now := time.Now()
				times = append(times, now.Sub(at))
				at = now
			}
			slices.Sort(times)
			costs[thread] = float64(times[len(times)/2].Nanoseconds()) / chunk
		}()
	}
	all.Wait()
	sum := 0.0
	for _, cost := range costs {
		sum += cost
	}
	return sum / float64(threads)
}
