//go:build cgo

package keyviz

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// Routes share bounds, labels share routes, and columns have some of the rows.
func TestNoTwoRowsOfASnapshotShareBytes(t *testing.T) {
	for _, parts := range []int{1, 5} {
		now := time.Unix(1_700_000_000, 0)
		s := NewMemSampler(MemSamplerOptions{
			KeyVizLabelsEnabled: true, KeyBucketsPerRoute: parts, MaxTrackedRoutes: 50, Now: func() time.Time { return now },
		})
		random := rand.New(rand.NewPCG(5, uint64(parts)))
		for id := range uint64(60) {
			start, end := fmt.Appendf(nil, "key%02d", id/3), fmt.Appendf(nil, "key%02d", id/3+1+id%2)
			if id == 59 {
				end = nil
			}
			s.RegisterRoute(id, start, end, 1)
		}
		for range 6 {
			for range 100 {
				id := random.Uint64N(60)
				s.Observe(id, fmt.Appendf(nil, "key%02d%c", id/3, byte(random.Uint32())), OpRead, 1, AllLabels[random.IntN(5)])
			}
			now = now.Add(time.Minute)
			s.Flush()
		}
		want := s.Snapshot(time.Time{}, time.Time{})
		got := s.Snapshot(time.Time{}, time.Time{})
		if len(got) != 6 || !reflect.DeepEqual(got, want) {
			t.Fatalf("%d parts: two snapshots differ", parts)
		}
		// Whatever a host does to one row, the others stay.
		for c := range got {
			for r := range got[c].Rows {
				row := &got[c].Rows[r]
				if !reflect.DeepEqual(*row, want[c].Rows[r]) {
					t.Fatalf("%d parts: column %d, row %d has changed: %+v, not %+v", parts, c, r, *row, want[c].Rows[r])
				}
				for _, bound := range [][]byte{row.Start, row.End} {
					for i := range bound {
						bound[i] = 0xee
					}
					_ = append(bound, "more"...)
				}
				_ = append(row.MemberRoutes, 7)
			}
		}
		if again := s.Snapshot(time.Time{}, time.Time{}); !reflect.DeepEqual(again, want) {
			t.Errorf("%d parts: the history has changed", parts)
		}
		s.Close()
	}
}
