//go:build cgo

package keyviz_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
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
