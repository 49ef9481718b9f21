package loadgen

import (
	"fmt"
	"math/rand/v2"
	"slices"
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

// The kinds of load: what names and keys of each front end have in them.
const (
	RedisKind    = "session"
	RawKVKind    = "blob"
	DynamoDBKind = "carts"
	S3Kind       = "photos"
	SQSKind      = "jobs"
)

// FirstKey and AfterLastKey bound the range [FirstKey, AfterLastKey) that all
// observed keys lie in.
const (
	FirstKey     = "0"
	AfterLastKey = "g"
)

// hotNumber makes the planted key.
const hotNumber = 0x7777777777777777

// HotKey is the planted key of a kind of load, as the server observes it.
func HotKey(kind string) string {
	switch kind {
	case DynamoDBKind, S3Kind:
		return placeOf(hotNumber, kind).key()
	case SQSKind:
		return queueOf(hotNumber, kind)
	default:
		return keyOf(hotNumber, kind)
	}
}

// Numbers become names that begin with their hex digits, so that they are spread
// over the whole range.

func keyOf(n uint64, kind string) string { return fmt.Sprintf("%016x/%s", n, kind) }

func queueOf(n uint64, kind string) string { return fmt.Sprintf("%016x-%s", n, kind) }

// place is an item and the table or bucket that holds it.
type place struct{ container, item string }

// containers is how many tables or buckets there are: one for each first digit.
const containers = 16

func placeOf(n uint64, kind string) place {
	return place{containerOf(n>>60, kind), fmt.Sprintf("%015x", n<<4>>4)}
}

func containerOf(digit uint64, kind string) string { return fmt.Sprintf("%x-%s", digit, kind) }

// key is the key under which the server observes the item.
func (p place) key() string { return p.container + "/" + p.item }

// hot says whether the next key is the planted one.
func (w *workload) hot() bool { return w.hotPercent > 0 && w.percent() < w.hotPercent }

// golden is odd, so no two numbers times golden are the same.
const golden = 0x9e3779b97f4a7c15

// number draws a number. The few popular ones are spread over all.
func (w *workload) number() uint64 {
	if w.hot() {
		return hotNumber
	}
	return w.zipf.Uint64() * golden
}

func (w *workload) key() string { return keyOf(w.number(), w.kind) }

func (w *workload) place() place { return placeOf(w.number(), w.kind) }

// places draws 2 to most different places.
func (w *workload) places(most int) []place {
	places := make([]place, 0, most)
	for range 2 + w.rng.IntN(most-1) {
		if p := w.place(); !slices.Contains(places, p) {
			places = append(places, p)
		}
	}
	return places
}

// queues are how many queues there are beside the planted one.
const queues = 64

// queue draws a queue, a popular one more often than others.
func (w *workload) queue() string {
	if w.hot() {
		return queueOf(hotNumber, w.kind)
	}
	return queueOf(w.zipf.Uint64()%queues*golden, w.kind)
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
