//go:build cgo && !keyviz_cgo

package keyviz

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"
)

// partByTheBook is the part as the specification words it: whole keys first, then a division of numbers without a limit.
func partByTheBook(start, end []byte, d *divided, key []byte) uint32 {
	last := uint32(d.parts.count) - 1
	if bytes.Compare(key, start) <= 0 {
		return 0
	}
	if len(end) > 0 && bytes.Compare(key, end) >= 0 {
		return last
	}
	var padded [8]byte
	copy(padded[:], key[d.parts.prefixLen:])
	w := new(big.Int).SetBytes(padded[:])
	w.Sub(w, new(big.Int).SetUint64(d.parts.low))
	if w.Sign() <= 0 {
		return 0
	}
	w.Mul(w, big.NewInt(int64(d.parts.count)))
	return min(last, uint32(min(w.Div(w, new(big.Int).SetUint64(d.parts.span)).Uint64(), uint64(last))))
}

func TestAnObservationCountsInTheSpecifiedPart(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	some := func(most int) []byte {
		b := make([]byte, random.IntN(most+1))
		for i := range b {
			b[i] = []byte{0, 1, 'a', 'b', 0xfe, 0xff, byte(random.Uint32())}[random.IntN(7)]
		}
		return b
	}
	for range 2_000 {
		prefix := some(20)
		start, end := append(bytes.Clone(prefix), some(10)...), append(bytes.Clone(prefix), some(10)...)
		if bytes.Compare(start, end) > 0 {
			start, end = end, start
		}
		if random.IntN(8) == 0 {
			end = nil
		}
		label, labelled := AllLabels[random.IntN(len(AllLabels))], random.IntN(2) == 0
		s := NewMemSampler(MemSamplerOptions{
			KeyBucketsPerRoute: 2 + random.IntN(MaxKeyBucketsPerRoute-1), KeyVizLabelsEnabled: labelled,
		})
		// Others may stand in the table where the route would.
		for range 60 * random.IntN(2) {
			s.RegisterRoute(random.Uint64(), []byte("a"), []byte("b"), 0)
		}
		routeID := random.Uint64()
		s.RegisterRoute(routeID, start, end, 0)
		c := s.core.Load()
		if c.table == nil {
			t.Skip("observations cross on this system")
		}
		place := table(acquire(c.table)).find(routeID)
		if place&placeDivided == 0 {
			continue // too narrow, or no range at all
		}
		d := dividedAt(place)
		keys := [][]byte{nil, start, end, some(30), append(bytes.Clone(prefix), some(12)...), append(bytes.Clone(start), some(3)...)}
		for range 8 {
			// Near the bounds of parts.
			bound := new(big.Int).SetUint64(d.parts.span)
			bound.Mul(bound, big.NewInt(int64(random.Uint32N(uint32(d.parts.count)))))
			bound.Div(bound, big.NewInt(int64(d.parts.count)))
			bound.Add(bound, new(big.Int).SetUint64(d.parts.low+uint64(random.IntN(4))-1))
			var eight [9]byte
			key := append(bytes.Clone(start[:d.parts.prefixLen]), bound.FillBytes(eight[:])[1:]...)
			keys = append(keys, key, key[:len(key)-random.IntN(9)], append(bytes.Clone(key), some(5)...))
		}
		want := make([]uint64, d.parts.count)
		for range 2 { // The first observation of all maps the counters.
			for _, key := range keys {
				part := partByTheBook(start, end, d, key)
				if got := d.index(key); got != part {
					t.Fatalf("[%x, %x) in %d: %x is in %d, not in %d", start, end, d.parts.count, key, got, part)
				}
				want[part]++
				s.Observe(routeID, key, OpWrite, 0, label)
			}
		}
		s.Flush()
		for _, row := range s.Snapshot(time.Time{}, time.Time{})[0].Rows {
			if labelled != (row.Label == label) {
				t.Fatalf("counted as %v, not as %v", row.Label, label)
			}
			want[row.SubBucket] -= row.Writes
		}
		for part, missing := range want {
			if missing != 0 {
				t.Fatalf("[%x, %x) in %d: part %d misses %d, of %x", start, end, d.parts.count, part, int64(missing), keys)
			}
		}
		s.Close()
	}
}

func TestRoutesThatAreNotDividedCountBesideThoseThatAre(t *testing.T) {
	for _, labelled := range []bool{false, true} {
		s := NewMemSampler(MemSamplerOptions{KeyBucketsPerRoute: 64, KeyVizLabelsEnabled: labelled, MaxTrackedRoutes: 3})
		defer s.Close()
		s.RegisterRoute(1, []byte("a"), []byte("b"), 0)
		s.RegisterRoute(2, []byte("b"), []byte("b\x00"), 0)                                                             // one part
		s.RegisterRoute(3, []byte("c\x00\xff\xff\xff\xff\xff\xff\xff"), []byte("c\x01\x00\x00\x00\x00\x00\x00\x04"), 0) // five parts
		s.RegisterRoute(4, []byte("d"), []byte("e"), 0)                                                                 // in a virtual bucket
		type cell struct {
			route uint64
			label Label
			part  int
		}
		want := map[cell]uint64{}
		for range 3 { // The first observation of all maps the counters.
			for i, label := range AllLabels {
				n := uint64(i + 1)
				for range n {
					s.Observe(1, []byte("a\xff long enough"), OpRead, 1, label)
					s.Observe(2, []byte("b long enough"), OpRead, 1, label)
					s.Observe(3, []byte("c\x01\x00\x00\x00\x00\x00\x00\x02"), OpRead, 1, label)
					s.Observe(4, []byte("d long enough"), OpRead, 1, label)
				}
				own, bucket := label, LabelLegacy
				if !labelled {
					own = LabelLegacy
				}
				want[cell{1, own, 63}] += n
				want[cell{2, own, 0}] += n
				want[cell{3, own, 3}] += n
				want[cell{4, bucket, 0}] += n
			}
		}
		s.Flush()
		for _, row := range s.Snapshot(time.Time{}, time.Time{})[0].Rows {
			route := row.RouteID
			if row.Aggregate {
				route = 4
			}
			want[cell{route, row.Label, row.SubBucket}] -= row.Reads
		}
		for at, missing := range want {
			if missing != 0 {
				t.Fatalf("labels %v: %v misses %d", labelled, at, int64(missing))
			}
		}
	}
}
