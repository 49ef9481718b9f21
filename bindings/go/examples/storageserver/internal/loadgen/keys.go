package loadgen

import (
	"fmt"
	"math/rand/v2"
)

// workload draws the requests of one worker. It is not safe for several
// goroutines.
type workload struct {
	rng     *rand.Rand
	zipf    *rand.Zipf
	kind    string
	payload []byte

	hotPercent int
}

// newWorkload seeds a worker, so that one seed draws the same requests again.
func newWorkload(cfg Config, kind string, stream uint64) *workload {
	rng := rand.New(rand.NewPCG(cfg.Seed, stream))
	payload := make([]byte, cfg.MaxValueBytes)
	for i := range payload {
		payload[i] = byte('a' + rng.IntN(26))
	}
	return &workload{
		rng:     rng,
		zipf:    rand.NewZipf(rng, cfg.Skew, 1, cfg.Keys-1),
		kind:    kind,
		payload: payload,

		hotPercent: cfg.HotPercent,
	}
}

// FirstKey and AfterLastKey bound the range [FirstKey, AfterLastKey) that all
// keys lie in.
const (
	FirstKey     = "0"
	AfterLastKey = "g"
)

// HotKey is the planted key of a kind of load.
func HotKey(kind string) string { return "7777777777777777/" + kind }

// key draws a key. The few popular ones are spread over the whole range.
func (w *workload) key() string {
	if w.hotPercent > 0 && w.percent() < w.hotPercent {
		return HotKey(w.kind)
	}
	const golden = 0x9e3779b97f4a7c15 // odd, so no two numbers give one key
	return fmt.Sprintf("%016x/%s", w.zipf.Uint64()*golden, w.kind)
}

// keys draws least to most keys; one may come twice.
func (w *workload) keys(least, most int) []string {
	keys := make([]string, least+w.rng.IntN(most-least+1))
	for i := range keys {
		keys[i] = w.key()
	}
	return keys
}

// value draws a value of 0 to MaxValueBytes bytes.
func (w *workload) value() []byte {
	return w.payload[:w.rng.IntN(len(w.payload)+1)]
}

// percent draws a number from 0 to 99.
func (w *workload) percent() int {
	return w.rng.IntN(100)
}
