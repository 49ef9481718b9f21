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
