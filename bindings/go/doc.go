// Package keyviz shows where a key-value store's traffic goes: a sampler that counts every request per route (key
// range), adapter label and time step, on the request path, at a few nanoseconds each.
//
//	sampler := keyviz.NewMemSampler(keyviz.MemSamplerOptions{KeyVizLabelsEnabled: true})
//	sampler.RegisterRoute(1, nil, nil, 1)
//	go keyviz.RunFlusher(ctx, sampler, sampler.Step())
//	...
//	sampler.Observe(1, key, keyviz.OpWrite, len(value), keyviz.LabelRedis) // on every request
//	...
//	for _, column := range sampler.Snapshot(time.Now().Add(-time.Hour), time.Time{}) {
//		...
//	}
//
// # Matrices
//
// [MemSampler.Matrix] makes time x key ranges of one series from the history, [MatrixFromColumns] from columns that the host
// keeps, and [Merge] makes one of those of a cluster's nodes. A [Matrix] is written as JSON, protobuf, CSV, a picture, or
// with others as a page ([HeatmapPage]) that needs nothing but a browser.
//
// # From and to other programs
//
// What is bytes ([Matrix.JSON]) is a writer's, too ([Matrix.WriteJSON], for handlers), and what is parsed is read
// ([ReadMatrixJSON], of no more than a limit). [MemSampler.SaveHistoryFile] keeps the history over a restart. Package keyvizhttp
// serves all of it. Errors wrap one of the package's ([ErrInvalidArgument] and so on), for [errors.Is].
//
// # Hot keys
//
// With HotKeysEnabled, the keys of one write in HotKeysSampleRate are sampled, and [RunHotKeysAggregator] publishes them each
// Step: [MemSampler.HotKeysSnapshot], and with bounds [MemSampler.HotKeys]. Keys are data about users: the package writes them
// nowhere but into these results, and without the option none is kept.
//
// # Building
//
// The package is a door to libkeyviz, which is linked statically; `make go` in the libkeyviz repository (or
// `go generate` in this directory) builds it, for which it takes Rust and a C compiler. MIGRATION.md, beside this file, has
// the steps for a server that exists, with an image. Build tags choose otherwise:
//
//   - keyviz_system links the installed shared library, found by pkg-config.
//   - keyviz_atomic counts with atomic additions in counters that all goroutines share: slower, and free of
//     runtime.procPin. A build with -race does so by itself.
//   - keyviz_cgo calls into C on every observation: the slowest, and the simplest.
//
// Without cgo the package compiles, and every sampler is off; [Enabled] and [Ready] tell.
//
// # How Observe counts without calling C
//
// The library keeps a set of counters (a lane) per thread that counts, so that no two cores write to the same memory.
// Here each P of the Go scheduler has one. Observe pins its goroutine to its P, looks the route up in the library's own
// table, adds to the P's counters in the library's memory, and unpins. A lane's flag, 1 in the meantime, tells the
// library when nothing that it gave up can still be in use. keyviz_hot_layout_t in keyviz.h is the contract; if the
// linked library has another one, or the system can't support it, every observation is a C call, and as exact.
//
// Hot keys are rolled for in Go, by each P; only a sample is a C call, which puts the key into a sketch of the calling thread.
package keyviz

//go:generate ./build.sh
