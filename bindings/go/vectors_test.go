//go:build cgo

package keyviz

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"math/big"
	"os"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write tests/vectors/sub_bucket.json anew")

const vectorsFile = "../../tests/vectors/sub_bucket.json"

// A vector is a route's range cut into at most K parts: their number, the bounds between them, and the parts of keys.
// Byte strings are hexadecimal. The Rust tests read the same file.
type vector struct {
	Name   string      `json:"name"`
	K      int         `json:"k"`
	Start  hexBytes    `json:"start"`
	End    hexBytes    `json:"end"` // empty: unbounded
	Count  int         `json:"count"`
	Bounds []hexBytes  `json:"bounds"` // the lower bounds of parts 1 to count-1
	Keys   []vectorKey `json:"keys"`
}

type vectorKey struct {
	Key  hexBytes `json:"key"`
	Part int      `json:"part"`
}

type hexBytes []byte

func (b hexBytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, b), nil }
func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.AppendDecode(nil, text)
	return err
}

// plain is the specification in its own words, with unlimited integers.
type plain struct {
	start, end []byte
	prefix     int
	lo, span   *big.Int
	count      int64
}

func plainWindow(key []byte, skip int) *big.Int {
	var w [8]byte
	if skip < len(key) {
		copy(w[:], key[skip:])
	}
	return new(big.Int).SetBytes(w[:])
}

func newPlain(k int, start, end []byte) plain {
	p := plain{start: start, end: end, count: 1}
	if len(end) > 0 {
		for p.prefix < min(len(start), len(end)) && start[p.prefix] == end[p.prefix] {
			p.prefix++
		}
	}
	p.lo = plainWindow(start, p.prefix)
	hi := plainWindow(bytes.Repeat([]byte{0xff}, 8), 0)
	if len(end) > 0 {
		hi = plainWindow(end, p.prefix)
	}
	p.span = new(big.Int).Sub(hi, p.lo)
	if k > 1 && p.span.Sign() > 0 {
		p.count = int64(k)
		if p.span.IsInt64() {
			p.count = min(p.count, p.span.Int64())
		}
	}
	return p
}

func (p plain) part(key []byte) int {
	if p.count == 1 || bytes.Compare(key, p.start) <= 0 {
		return 0
	}
	if len(p.end) > 0 && bytes.Compare(key, p.end) >= 0 {
		return int(p.count - 1)
	}
	distance := new(big.Int).Sub(plainWindow(key, p.prefix), p.lo)
	if distance.Sign() <= 0 {
		return 0
	}
	if distance.Cmp(p.span) >= 0 {
		return int(p.count - 1)
	}
	distance.Mul(distance, big.NewInt(p.count))
	return int(distance.Div(distance, p.span).Int64())
}

func (p plain) bound(i int) []byte {
	offset := new(big.Int).Mul(big.NewInt(int64(i)), p.span)
	offset.Add(offset, big.NewInt(p.count-1))
	offset.Div(offset, big.NewInt(p.count))
	var w [8]byte
	offset.Add(offset, p.lo).FillBytes(w[:])
	return append(slices.Clone(p.start[:p.prefix]), bytes.TrimRight(w[:], "\x00")...)
}

// makeVectors cuts ranges of every kind, and asks for the parts of keys at, just before and just behind each bound, and
// of a few others.
func makeVectors() []vector {
	ff := func(n int) []byte { return bytes.Repeat([]byte{0xff}, n) }
	long := []byte("tenant/0000000042/table/orders/")
	ranges := []struct {
		name       string
		k          int
		start, end []byte
	}{
		{"whole key space", 16, nil, nil},
		{"whole key space in 256", 256, nil, nil},
		{"not divided", 1, nil, nil},
		{"empty start", 8, nil, []byte("m")},
		{"unbounded end", 8, []byte("m"), nil},
		{"unbounded end behind a long start", 4, append(ff(7), 0xf0, 1, 2), nil},
		{"start of eight 0xff, unbounded", 16, ff(8), nil},
		{"start of nine 0xff, unbounded", 16, ff(9), nil},
		{"start of 0xff, bounded", 16, ff(3), ff(12)},
		{"prefix longer than a window", 16, append(slices.Clone(long), 'a'), append(slices.Clone(long), 'z')},
		{"prefix longer than a window in 256", 256, append(slices.Clone(long), "0000000000"...), append(slices.Clone(long), "9999999999"...)},
		{"start is the prefix", 7, long, append(slices.Clone(long), 0x80)},
		{"bounds of eight bytes that share seven", 16, []byte{0, 0, 0, 0, 0, 0, 0, 1}, []byte{0, 0, 0, 0, 0, 0, 0, 6}},
		{"bounds of nine bytes that share eight", 4, []byte{9, 0, 0, 0, 0, 0, 0, 0, 0}, []byte{9, 0, 0, 0, 0, 0, 0, 0, 4}},
		{"span smaller than K", 16, []byte("a"), []byte{'a', 0, 0, 0, 0, 0, 0, 0, 5}},
		{"span smaller than K across a byte", 256, []byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfd}, []byte{2, 0, 0, 0, 0, 0, 0, 2}},
		{"span of K", 4, nil, []byte{0, 0, 0, 0, 0, 0, 0, 4}},
		{"span of K and one", 4, []byte("a"), []byte{'a', 0, 0, 0, 0, 0, 0, 0, 5}},
		{"span of one", 4, []byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, []byte{2}},
		{"equal windows", 4, []byte("a"), []byte("a\x00")},
		{"bounds that differ behind the window", 4, []byte("abcdefgh1"), []byte("bbcdefgh1")},
		{"three parts", 3, []byte("a"), []byte("b")},
		{"255 parts of a short range", 255, []byte("k1"), []byte("k2")},
		{"inverted", 8, []byte("z"), []byte("a")},
		{"empty range", 8, []byte("k"), []byte("k")},
	}
	var vectors []vector
	for _, r := range ranges {
		p := newPlain(r.k, r.start, r.end)
		v := vector{Name: r.name, K: r.k, Start: r.start, End: r.end, Count: int(p.count), Bounds: []hexBytes{}}
		keys := [][]byte{nil, {0}, r.start, r.end, append(slices.Clone(r.start), 0), append(slices.Clone(r.end), 0),
			[]byte("a"), []byte("m"), []byte("zzzzzzzzzzzz"), ff(1), ff(8), ff(20), long, long[:10], long[:len(long)-1],
			append(slices.Clone(long), "5"...)}
		for i := 1; i < int(p.count); i++ {
			bound := p.bound(i)
			v.Bounds = append(v.Bounds, bound)
			if before := slices.Clone(bound); len(before) > 0 && (p.count < 32 || i%32 < 2) {
				before[len(before)-1]--
				keys = append(keys, bound, before, append(before, 0xff), append(slices.Clone(bound), 0), bound[:len(bound)-1])
			} else {
				keys = append(keys, bound)
			}
		}
		for _, key := range keys {
			v.Keys = append(v.Keys, vectorKey{Key: key, Part: p.part(key)})
		}
		vectors = append(vectors, v)
	}
	return vectors
}

func TestVectorsAreWhatTheSpecificationGives(t *testing.T) {
	made := []byte("[\n")
	for i, v := range makeVectors() {
		line, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			made = append(made, ",\n"...)
		}
		made = append(made, line...)
	}
	made = append(made, "\n]\n"...)
	if *update {
		if err := os.WriteFile(vectorsFile, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file, made) {
		t.Error("tests/vectors/sub_bucket.json is not what this test makes: go test -run Vectors -update")
	}
}

func readVectors(t testing.TB) []vector {
	file, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(file, &vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}

func TestVectorsOfSubBuckets(t *testing.T) {
	for _, v := range readVectors(t) {
		s, clock := newTestSampler(t, MemSamplerOptions{KeyBucketsPerRoute: v.K})
		s.RegisterRoute(1, v.Start, v.End, 0)
		for i, bound := range v.Bounds {
			lo, _, ok := s.SubBucketBoundsFor(1, LabelLegacy, i+1)
			_, hi, _ := s.SubBucketBoundsFor(1, LabelLegacy, i)
			if !ok || !bytes.Equal(lo, bound) || !bytes.Equal(hi, bound) {
				t.Errorf("%s: bound %d is %x and %x, want %x", v.Name, i+1, lo, hi, bound)
			}
		}
		if _, _, ok := s.SubBucketBoundsFor(1, LabelLegacy, v.Count); ok {
			t.Errorf("%s: more than %d parts", v.Name, v.Count)
		}
		for _, one := range v.Keys {
			if part, count := partOf(s, clock, one.Key); part != one.Part || count != v.Count {
				t.Errorf("%s: key %x is in part %d of %d, want %d of %d", v.Name, one.Key, part, count, one.Part, v.Count)
			}
		}
		s.Close()
	}
}

// partOf is the sub-bucket of route 1 that an observation of the key counts in.
func partOf(s *MemSampler, clock *fakeClock, key []byte) (part, count int) {
	s.Observe(1, key, OpRead, 0, LabelLegacy)
	row := flushed(s, clock).Rows[0]
	return row.SubBucket, row.SubBucketCount
}

// The arithmetic of this package's own path, of the library's (through a sampler that crosses) and of the specification
// agree, whatever the range and the key.
func FuzzSubBucket(f *testing.F) {
	for _, v := range makeVectors() {
		for _, one := range v.Keys[:min(len(v.Keys), 6)] {
			f.Add(uint8(v.K-1), []byte(v.Start), []byte(v.End), []byte(one.Key))
		}
	}
	f.Fuzz(func(t *testing.T, k uint8, start, end, key []byte) {
		parts := int(k) + 1
		opts := MemSamplerOptions{KeyBucketsPerRoute: parts, HistoryColumns: 1}
		own, clock := newTestSampler(t, opts)
		crossing, _ := newTestSampler(t, opts)
		crossing.core.Load().crossAlways()
		for _, s := range []*MemSampler{own, crossing} {
			s.RegisterRoute(1, start, end, 0)
		}
		p := newPlain(parts, start, end)
		keys := [][]byte{key, append(slices.Clone(start), key...)}
		if p.count > 1 {
			bound := p.bound(1 + len(key)%int(p.count-1))
			keys = append(keys, bound, append(slices.Clone(bound), key...))
		}
		for _, key := range keys {
			a, n := partOf(own, clock, key)
			b, m := partOf(crossing, clock, key)
			if want := p.part(key); a != want || b != want || n != int(p.count) || m != n {
				t.Errorf("[%x, %x) in %d, key %x: part %d of %d here, %d of %d in the library, want %d of %d",
					start, end, parts, key, a, n, b, m, want, p.count)
			}
		}
	})
}
