//go:build cgo

package keyviz_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

func Example() {
	clock := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	sampler := keyviz.NewMemSampler(keyviz.MemSamplerOptions{
		KeyVizLabelsEnabled: true,
		Now:                 func() time.Time { return clock }, // a server leaves this out
	})
	sampler.RegisterRoute(1, nil, nil, 1)

	// On the request path:
	sampler.Observe(1, []byte("user/42"), keyviz.OpWrite, 93, keyviz.LabelRedis)
	sampler.Observe(1, []byte("user/42"), keyviz.OpRead, 93, keyviz.LabelDynamo)

	// Every step (a server runs RunFlusher):
	clock = clock.Add(sampler.Step())
	sampler.Flush()

	for _, column := range sampler.Snapshot(time.Time{}, time.Time{}) {
		fmt.Println(column.WindowStart.Format(time.TimeOnly), "to", column.At.Format(time.TimeOnly))
		for _, row := range column.Rows {
			fmt.Printf("route:%d / %s: %d reads, %d writes, %d bytes\n",
				row.RouteID, row.Label, row.Reads, row.Writes, row.ReadBytes+row.WriteBytes)
		}
	}
	// Output:
	// 00:00:00 to 00:01:00
	// route:1 / dynamo: 1 reads, 0 writes, 100 bytes
	// route:1 / redis: 0 reads, 1 writes, 100 bytes
}

// A server's whole life with a sampler.
func ExampleRunFlusher() {
	ctx, shutDown := context.WithCancel(context.Background())
	sampler := keyviz.NewMemSampler(keyviz.MemSamplerOptions{Step: time.Millisecond, KeyVizLabelsEnabled: true})
	sampler.RegisterRoute(1, nil, nil, 1)
	flusherDone := make(chan struct{})
	go func() {
		defer close(flusherDone)
		keyviz.RunFlusher(ctx, sampler, sampler.Step())
	}()

	sampler.Observe(1, []byte("key"), keyviz.OpRead, 100, keyviz.LabelSQS) // on the request path

	shutDown()
	<-flusherDone
	sampler.Flush() // the flusher makes no last column: a server that wants one makes it
	var reads uint64
	for _, column := range sampler.Snapshot(time.Time{}, time.Time{}) {
		for _, row := range column.Rows {
			reads += row.Reads
		}
	}
	fmt.Println(reads)
	// Output: 1
}

// A server registers its whole catalogue when it starts.
func ExampleMemSampler_RegisterRoutes() {
	sampler := keyviz.NewMemSampler(keyviz.MemSamplerOptions{MaxTrackedRoutes: 2})
	individual := sampler.RegisterRoutes([]keyviz.Route{
		{RouteID: 1, GroupID: 1, End: []byte("g")},
		{RouteID: 2, GroupID: 2, Start: []byte("g"), End: []byte("p")},
		{RouteID: 3, GroupID: 1, Start: []byte("p")},
	})
	fmt.Println(individual) // the third folds into a virtual bucket
	// Output: [true true false]
}

// The columns of a long history, in the memory of one.
func ExampleMemSampler_Columns() {
	sampler := keyviz.NewMemSampler(keyviz.MemSamplerOptions{})
	sampler.RegisterRoute(1, nil, nil, 1)
	for writes := range 3 {
		for range writes {
			sampler.Observe(1, []byte("key"), keyviz.OpWrite, 0, keyviz.LabelLegacy)
		}
		sampler.Flush()
	}
	for column := range sampler.Columns(time.Time{}, time.Time{}) {
		if len(column.Rows) > 0 {
			fmt.Println("the first busy column has", column.Rows[0].Writes, "writes")
			break
		}
	}
	// Output: the first busy column has 1 writes
}

func ExampleMemSampler_Stats() {
	sampler := keyviz.NewMemSampler(keyviz.MemSamplerOptions{KeyVizLabelsEnabled: true})
	sampler.RegisterRoute(1, nil, nil, 1)
	sampler.Observe(2, []byte("key"), keyviz.OpRead, 0, keyviz.LabelRedis) // nobody registered route 2
	stats := sampler.Stats()
	fmt.Println(stats.Routes, "route,", stats.Slots, "slots,", stats.Missed, "observation missed")
	// Output: 1 route, 6 slots, 1 observation missed
}

func ExampleMemSampler_HotKeys() {
	sampler := keyviz.NewMemSampler(keyviz.MemSamplerOptions{
		KeyVizLabelsEnabled: true,
		HotKeysEnabled:      true,
		HotKeysSampleRate:   1, // every write; a server leaves this out
	})
	sampler.RegisterRoute(1, nil, nil, 1)
	for i := range 10 {
		sampler.Observe(1, []byte("counter"), keyviz.OpWrite, 8, keyviz.LabelRedis)
		sampler.Observe(1, fmt.Appendf(nil, "user/%d", i%2), keyviz.OpWrite, 8, keyviz.LabelRedis)
	}
	if err := sampler.PublishHotKeys(); err != nil { // a server runs RunHotKeysAggregator
		panic(err)
	}
	hot, err := sampler.HotKeys(keyviz.HotKeysQuery{RouteID: 1, Label: keyviz.LabelRedis, Series: keyviz.SeriesWrites, Top: 2})
	if err != nil {
		panic(err)
	}
	defer hot.Close()
	for _, key := range hot.Keys() {
		fmt.Printf("%s: %d to %d writes\n", key.Key, key.CountLow, key.CountHigh)
	}
	// Output:
	// counter: 10 to 10 writes
	// user/0: 5 to 5 writes
}

// The history survives a restart.
func ExampleMemSampler_SaveHistoryFile() {
	folder, err := os.MkdirTemp("", "keyviz")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "history")

	before := keyviz.NewMemSampler(keyviz.MemSamplerOptions{})
	fmt.Println("at the first start:", errors.Is(before.LoadHistoryFile(file), fs.ErrNotExist))
	before.RegisterRoute(1, nil, nil, 1)
	before.Observe(1, []byte("key"), keyviz.OpRead, 0, keyviz.LabelLegacy)
	before.Flush()
	fmt.Println("saved:", before.SaveHistoryFile(file))

	after := keyviz.NewMemSampler(keyviz.MemSamplerOptions{})
	fmt.Println("loaded:", after.LoadHistoryFile(file))
	fmt.Println(after.Snapshot(time.Time{}, time.Time{})[0].Rows[0].Reads, "read")
	// Output:
	// at the first start: true
	// saved: <nil>
	// loaded: <nil>
	// 1 read
}

// A matrix as the answer of a handler, and as what a client reads. (Package keyvizhttp has handlers for it all.)
func ExampleMatrix_WriteJSON() {
	sampler := keyviz.NewMemSampler(keyviz.MemSamplerOptions{})
	sampler.RegisterRoute(7, nil, nil, 1)
	sampler.Observe(7, []byte("key"), keyviz.OpRead, 0, keyviz.LabelLegacy)
	sampler.Flush()

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		matrix, err := sampler.Matrix(keyviz.MatrixQuery{Series: keyviz.SeriesReads})
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		defer matrix.Close()
		w.Header().Set("Content-Type", "application/json")
		_ = matrix.WriteJSON(w)
	}))
	defer server.Close()

	answer, err := http.Get(server.URL)
	if err != nil {
		panic(err)
	}
	defer answer.Body.Close()
	matrix, err := keyviz.ReadMatrixJSON(answer.Body, keyviz.MatrixLimits{})
	if err != nil {
		panic(err)
	}
	defer matrix.Close()
	fmt.Println(matrix.Row(0).DisplayName, matrix.Values(0))
	// Output: route:7 [1]
}

func ExampleMemSampler_nil() {
	var sampler *keyviz.MemSampler // the feature is switched off
	sampler.Observe(1, []byte("key"), keyviz.OpRead, 0, keyviz.LabelS3)
	fmt.Println(sampler.Step(), len(sampler.Snapshot(time.Time{}, time.Time{})))
	// Output: 1m0s 0
}

func ExampleMemSampler_SubBucketBoundsFor() {
	sampler := keyviz.NewMemSampler(keyviz.MemSamplerOptions{KeyBucketsPerRoute: 2})
	sampler.RegisterRoute(1, []byte("user/a"), []byte("user/c"), 0)
	lo, hi, ok := sampler.SubBucketBoundsFor(1, keyviz.LabelLegacy, 0)
	fmt.Printf("%q to %q, %v\n", lo, hi, ok)
	// Output: "user/a" to "user/b", true
}

func ExampleMemSampler_Matrix() {
	clock := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	sampler := keyviz.NewMemSampler(keyviz.MemSamplerOptions{
		KeyVizLabelsEnabled: true,
		Now:                 func() time.Time { return clock },
	})
	sampler.RegisterRoute(1, nil, []byte("m"), 1)
	sampler.RegisterRoute(2, []byte("m"), nil, 2)
	for writes := range 3 {
		for range writes {
			sampler.Observe(1, []byte("a"), keyviz.OpWrite, 0, keyviz.LabelRedis)
		}
		sampler.Observe(2, []byte("z"), keyviz.OpWrite, 0, keyviz.LabelS3)
		clock = clock.Add(sampler.Step())
		sampler.Flush()
	}

	matrix, err := sampler.Matrix(keyviz.MatrixQuery{Series: keyviz.SeriesWrites})
	if err != nil {
		panic(err)
	}
	defer matrix.Close()
	for _, at := range matrix.Columns() {
		fmt.Println("until", at.Format(time.TimeOnly))
	}
	for i, row := range matrix.Rows() {
		fmt.Printf("%-15s %q to %q: %d\n", row.DisplayName, row.Start, row.End, matrix.Values(i))
	}
	// Output:
	// until 00:01:00
	// until 00:02:00
	// until 00:03:00
	// route:1 / redis "" to "m": [0 1 2]
	// route:2 / s3    "m" to "": [1 1 1]
}

func ExampleHeatmapPage() {
	sampler := keyviz.NewMemSampler(keyviz.MemSamplerOptions{})
	sampler.RegisterRoute(1, nil, nil, 1)
	sampler.Observe(1, []byte("key"), keyviz.OpRead, 100, keyviz.LabelLegacy)
	sampler.Flush()

	var shown []*keyviz.Matrix
	for _, series := range []keyviz.Series{keyviz.SeriesReads, keyviz.SeriesReadBytes} {
		matrix, err := sampler.Matrix(keyviz.MatrixQuery{Series: series})
		if err != nil {
			panic(err)
		}
		defer matrix.Close()
		shown = append(shown, matrix)
	}
	page, err := keyviz.HeatmapPage("Reads of my server", shown...)
	fmt.Println(string(page[:15]), err) // os.WriteFile("heatmap.html", page, 0o644)
	// Output: <!doctype html> <nil>
}

func ExampleMerge() {
	// The JSON of three nodes, one of which didn't answer.
	answers := map[string]string{
		"n1": `{"series":"reads","column_unix_ms":[60000],"rows":[{"bucket_id":"route:1","values":[10]}]}`,
		"n2": `{"series":"reads","column_unix_ms":[61000],"rows":[{"bucket_id":"route:1","values":[32]}]}`,
		"n3": `{"ser`,
	}
	merge, err := keyviz.NewMerge(keyviz.MergeOptions{Series: keyviz.SeriesReads, ColumnTolerance: 5 * time.Second})
	if err != nil {
		panic(err)
	}
	for _, node := range []string{"n1", "n2", "n3"} {
		matrix, err := keyviz.ParseMatrixJSON([]byte(answers[node]), keyviz.MatrixLimits{})
		if err != nil {
			merge.AddFailure(node, err.Error())
			continue
		}
		merge.Add(matrix, node)
		matrix.Close()
	}
	matrix, err := merge.Finish()
	if err != nil {
		panic(err)
	}
	defer matrix.Close()
	fmt.Println(matrix.Row(0).ID, matrix.Values(0))
	fmt.Println(matrix.Fanout().Responded, "of", matrix.Fanout().Expected, "nodes answered")
	// Output:
	// route:1 [42]
	// 2 of 3 nodes answered
}

func ExampleMemSampler_ApplySplit() {
	sampler := keyviz.NewMemSampler(keyviz.MemSamplerOptions{})
	sampler.RegisterRoute(1, nil, nil, 1)
	individual, err := sampler.ApplySplit(1, []keyviz.Route{
		{RouteID: 2, GroupID: 1, End: []byte("m")},
		{RouteID: 3, GroupID: 2, Start: []byte("m")},
	})
	fmt.Println(individual, err)
	// Output: [true true] <nil>
}

func ExampleMemSampler_LogEvents() {
	sampler := keyviz.NewMemSampler(keyviz.MemSamplerOptions{MaxTrackedRoutes: 1})
	sampler.RegisterRoute(1, nil, []byte("m"), 0)
	sampler.RegisterRoute(2, []byte("m"), nil, 0)
	withoutTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	sampler.LogEvents(context.Background(), logger)
	// Output:
	// level=WARN msg="keyviz: route coarsened" event.kind=bucket_created event.route_id=2 event.bucket_id=18446744073709551615 event.slots_used=1 event.max_tracked_routes=1 event.suppressed=0
}
