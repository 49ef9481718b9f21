package keyviz

import (
	"fmt"
	"testing"
)

func BenchmarkObserve(b *testing.B) {
	for _, routes := range []uint64{1, 256, 10000} {
		b.Run(fmt.Sprint(routes), func(b *testing.B) {
			s := NewMemSampler(MemSamplerOptions{KeyVizLabelsEnabled: true})
			for id := uint64(1); id <= routes; id++ {
				s.RegisterRoute(id, fmt.Appendf(nil, "%08d", id), fmt.Appendf(nil, "%08d", id+1), 0)
			}
			key := []byte("key000000000012")
			b.ReportAllocs()
			i := uint64(0)
			for b.Loop() {
				s.Observe(1+i*7%routes, key, OpWrite, 100, LabelRedis)
				i++
			}
		})
	}
}

func BenchmarkObserveHotKeys(b *testing.B) {
	for _, on := range []int{0, 1, 16, 1024} {
		b.Run(fmt.Sprint(on), func(b *testing.B) {
			s := NewMemSampler(MemSamplerOptions{KeyVizLabelsEnabled: true, HotKeysEnabled: on > 0, HotKeysSampleRate: on})
			s.RegisterRoute(1, nil, nil, 0)
			key := []byte("key000000000012")
			b.ReportAllocs()
			for b.Loop() {
				s.Observe(1, key, OpWrite, 100, LabelRedis)
			}
		})
	}
}
