//go:build cgo

package main

import (
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/VictoriaMetrics/metrics"
	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
	"github.com/libkeyviz/libkeyviz/bindings/go/internal/baseline"
	"github.com/prometheus/client_golang/prometheus"
)

// sampler is what both samplers do.
type sampler interface {
	keyviz.Sampler
	RegisterRoute(routeID uint64, start, end []byte, groupID uint64) bool
	Flush()
	Snapshot(from, to time.Time) []keyviz.MatrixColumn
}

// route has a range of its own, in the order of the ids.
func route(id uint64) keyviz.Route {
	return keyviz.Route{RouteID: id, Start: fmt.Appendf(nil, "table/%04d/user/%08d", id>>6, id), End: fmt.Appendf(nil, "table/%04d/user/%08d", (id+1)>>6, id+1), GroupID: id%16 + 1}
}

func catalogue(n int) []keyviz.Route {
	routes := make([]keyviz.Route, n)
	for i := range routes {
		routes[i] = route(uint64(i) + 1)
	}
	return routes
}

// wayTo is one contender's way to do something once; it gives how long that took, without what prepares it.
type wayTo struct {
	name string
	do   func() time.Duration
}

func timed(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

// compare lets the contenders take turns, and prints how long one of n units takes each.
func compare(r *report, what, unit string, n int, rounds int, ways []wayTo, limits ...float64) {
	costs := make([][]float64, len(ways))
	for range rounds {
		for i, way := range ways {
			runtime.GC()
			costs[i] = append(costs[i], float64(way.do().Nanoseconds())/float64(n))
		}
	}
	fmt.Printf("\n%s, ns per %s (median of %d rounds):\n", what, unit, rounds)
	for i, way := range ways {
		against := ""
		if i > 0 {
			limit := 1.0
			if i <= len(limits) {
				limit = limits[i-1]
			}
			against = fmt.Sprintf("  libkeyviz is %6.2f times as fast", ratio(costs[i], costs[0]))
			r.promise(what+": against "+way.name, ratio(costs[i], costs[0]), limit)
		}
		fmt.Printf("    %-36s %9.1f%s\n", way.name, median(costs[i]), against)
	}
}

// benchRegister registers a catalogue, one route after the other, each with six labels.
func benchRegister(r *report, rounds int) {
	const n = 1000
	routes := catalogue(n)
	labels := append([]keyviz.Label{keyviz.LabelLegacy}, keyviz.AllLabels[:]...)
	each := func(s sampler) time.Duration {
		return timed(func() {
			for _, route := range routes {
				s.RegisterRoute(route.RouteID, route.Start, route.End, route.GroupID)
			}
		})
	}
	compare(r, fmt.Sprintf("RegisterRoute, %d routes of 6 labels", n), "route", n, min(rounds, 7), []wayTo{
		{"libkeyviz", func() time.Duration {
			s := keyviz.NewMemSampler(keyviz.MemSamplerOptions{KeyVizLabelsEnabled: true})
			defer s.Close()
			return each(s)
		}},
		{"textbook sampler", func() time.Duration { return each(baseline.New(baseline.Options{KeyVizLabelsEnabled: true})) }},
		{"Prometheus, WithLabelValues", func() time.Duration {
			ops := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ops_total"}, []string{"route", "label"})
			bytes := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bytes_total"}, []string{"route", "label"})
			return timed(func() {
				for _, route := range routes {
					name := fmt.Sprint(route.RouteID)
					for _, label := range labels {
						ops.WithLabelValues(name, string(label))
						bytes.WithLabelValues(name, string(label))
					}
				}
			})
		}},
		{"VictoriaMetrics, GetOrCreate", func() time.Duration {
			set := metrics.NewSet()
			return timed(func() {
				for _, route := range routes {
					for _, label := range labels {
						set.GetOrCreateCounter(fmt.Sprintf("ops_total{route=\"%d\",label=%q}", route.RouteID, label))
						set.GetOrCreateCounter(fmt.Sprintf("bytes_total{route=\"%d\",label=%q}", route.RouteID, label))
					}
				}
			})
		}},
	})
}

// benchFlush flushes routes that are all busy under one of their labels. The counters of Prometheus and VictoriaMetrics, of
// that label only, are collected.
func benchFlush(r *report, rounds int) {
	const n = 10_000
	routes := catalogue(n)
	key := []byte("key")
	ours := keyviz.NewMemSampler(keyviz.MemSamplerOptions{KeyVizLabelsEnabled: true})
	defer ours.Close()
	ours.RegisterRoutes(routes)
	textbook := baseline.New(baseline.Options{KeyVizLabelsEnabled: true, HistoryColumns: keyviz.DefaultHistoryColumns})
	textbook.RegisterRoutes(routes)
	flush := func(s sampler) time.Duration {
		for _, route := range routes {
			s.Observe(route.RouteID, key, keyviz.OpWrite, valueLen, keyviz.LabelRedis)
		}
		return timed(s.Flush)
	}
	registry := prometheus.NewRegistry()
	ops := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ops_total"}, []string{"route", "label"})
	bytes := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bytes_total"}, []string{"route", "label"})
	registry.MustRegister(ops, bytes)
	set := metrics.NewSet()
	for _, route := range routes {
		name := fmt.Sprint(route.RouteID)
		ops.WithLabelValues(name, string(keyviz.LabelRedis)).Inc()
		bytes.WithLabelValues(name, string(keyviz.LabelRedis)).Add(valueLen)
		set.GetOrCreateCounter(fmt.Sprintf("ops_total{route=%q,label=%q}", name, keyviz.LabelRedis)).Inc()
		set.GetOrCreateCounter(fmt.Sprintf("bytes_total{route=%q,label=%q}", name, keyviz.LabelRedis)).Add(valueLen)
	}
	compare(r, fmt.Sprintf("Flush, %d busy rows", n), "row", n, rounds, []wayTo{
		{"libkeyviz", func() time.Duration { return flush(ours) }},
		{"textbook sampler", func() time.Duration { return flush(textbook) }},
		{"Prometheus, Gather", func() time.Duration {
			return timed(func() {
				if _, err := registry.Gather(); err != nil {
					panic(err)
				}
			})
		}},
		{"VictoriaMetrics, WritePrometheus", func() time.Duration {
			return timed(func() { set.WritePrometheus(io.Discard) })
		}},
	})
}
