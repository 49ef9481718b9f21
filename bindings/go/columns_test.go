//go:build cgo

package keyviz

import (
	"bytes"
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

// Goroutines share the columns of a large snapshot out; one that visits them all gives the same ones in the same order.
func TestALargeSnapshotIsWhatAWalkGives(t *testing.T) {
	const routes, columns = 4000, 70
	for _, parts := range []int{1, 3} {
		now := time.Unix(1_700_000_000, 0)
		s := NewMemSampler(MemSamplerOptions{
			KeyVizLabelsEnabled: true, KeyBucketsPerRoute: parts, MaxTrackedRoutes: routes - 5, HistoryColumns: columns,
			Now: func() time.Time { return now },
		})
		bounds := func(id uint64) (start, end []byte) {
			if id > 0 {
				start = fmt.Appendf(nil, "key%05d", id)
			}
			if id < routes-6 {
				end = fmt.Appendf(nil, "key%05d", id+1)
			}
			return start, end
		}
		catalogue := make([]Route, routes)
		for id := range catalogue {
			start, end := bounds(uint64(id))
			catalogue[id] = Route{RouteID: uint64(id), Start: start, End: end, GroupID: 1}
		}
		s.RegisterRoutes(catalogue)
		// Every column has other rows, the first ones few, and of some routes only.
		for column := range columns {
			for id := uint64(column % 7); id < routes; id += uint64(1 + (columns-column)/20) {
				s.Observe(id, append(fmt.Appendf(nil, "key%05d", id), byte(column*37)), Op(id&1), 1<<(id%40), AllLabels[column%2])
			}
			now = now.Add(time.Minute)
			s.Flush()
		}
		var want []MatrixColumn
		for column := range s.Columns(time.Time{}, time.Time{}) {
			want = append(want, column)
		}
		got := s.Snapshot(time.Time{}, time.Time{})
		if len(got) != columns || !reflect.DeepEqual(got, want) {
			t.Errorf("%d parts: the snapshot and the walk differ", parts)
		}
		for _, column := range got {
			for _, row := range column.Rows {
				start, end := bounds(row.RouteID)
				if parts == 1 && !row.Aggregate && (!bytes.Equal(row.Start, start) || !bytes.Equal(row.End, end)) {
					t.Fatalf("route %d is told as [%q, %q)", row.RouteID, row.Start, row.End)
				}
				if row.Reads+row.Writes == 0 || !row.Aggregate && row.Reads+row.Writes != 1 {
					t.Fatalf("route %d counts %d reads and %d writes", row.RouteID, row.Reads, row.Writes)
				}
				if sent := 1<<(row.RouteID%40) + 9; !row.Aggregate && row.ReadBytes+row.WriteBytes != uint64(sent) {
					t.Fatalf("route %d counts %d and %d bytes, not %d", row.RouteID, row.ReadBytes, row.WriteBytes, sent)
				}
			}
		}
		s.Close()
	}
}
