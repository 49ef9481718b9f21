package replay

import (
	"errors"
	"io"
	"testing"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/trace"
)

// playMinutes plays a trace in its own time, and flushes at the end of every
// minute of the Unix clock.
func playMinutes(t *testing.T, path string) []keyviz.MatrixColumn {
	t.Helper()
	r, err := trace.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	row, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	minute := row.TimeMS / 60_000

	now := new(clock)
	now.advance(time.Duration(minute) * time.Minute)
	sampler := keyviz.NewMemSampler(keyviz.MemSamplerOptions{
		Step:                time.Minute,
		HistoryColumns:      keyviz.MaxHistoryColumns,
		KeyVizLabelsEnabled: true,
		Now:                 now.now,
	})
	sampler.RegisterRoute(routeID, nil, nil, groupID)
	for ; err == nil; row, err = r.Next() {
		for ; minute < row.TimeMS/60_000; minute++ {
			now.advance(time.Minute)
			sampler.Flush()
		}
		sampler.Observe(routeID, row.Key, row.Op, row.ValueLen, row.Label)
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	now.advance(time.Minute)
	sampler.Flush()
	return sampler.Snapshot(time.Time{}, time.Time{})
}
