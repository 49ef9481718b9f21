package keyviz

import "time"

// Op is what a request did with its key.
type Op uint8

// The operations.
const (
	OpRead  Op = 0
	OpWrite Op = 1
)

// Series is one of the four counters of a row.
type Series uint8

// The series.
const (
	SeriesReads      Series = 0
	SeriesWrites     Series = 1
	SeriesReadBytes  Series = 2
	SeriesWriteBytes Series = 3
)

// Label is the adapter family that a request came through. [LabelLegacy] is unlabelled traffic.
type Label string

// The labels.
const (
	LabelLegacy Label = ""
	LabelDynamo Label = "dynamo"
	LabelRedis  Label = "redis"
	LabelS3     Label = "s3"
	LabelSQS    Label = "sqs"
	LabelRawKV  Label = "rawkv"
)

// AllLabels are the named labels. An array, so that nobody appends to it.
var AllLabels = [5]Label{LabelDynamo, LabelRedis, LabelS3, LabelSQS, LabelRawKV}

// The library's numbers of the labels.
const (
	numberLegacy = iota
	numberDynamo
	numberRedis
	numberS3
	numberSQS
	numberRawKV
	labelCount
	// numberUnknown is the number of a label that the library doesn't know: only places that ignore labels count it.
	numberUnknown uint32 = 1<<32 - 1
)

// number is the library's number of a label.
func (l Label) number() uint32 {
	switch l {
	case LabelLegacy:
		return numberLegacy
	case LabelDynamo:
		return numberDynamo
	case LabelRedis:
		return numberRedis
	case LabelS3:
		return numberS3
	case LabelSQS:
		return numberSQS
	case LabelRawKV:
		return numberRawKV
	}
	return numberUnknown
}

// labels are the labels by their number.
var labels = [labelCount]Label{LabelLegacy, LabelDynamo, LabelRedis, LabelS3, LabelSQS, LabelRawKV}

// Defaults and caps of [MemSamplerOptions].
const (
	DefaultStep                   = 60 * time.Second
	DefaultHistoryColumns         = 1440
	MaxHistoryColumns             = 100_000
	DefaultMaxTrackedRoutes       = 10_000
	DefaultMaxMemberRoutesPerSlot = 256
	DefaultKeyBucketsPerRoute     = 1
	MaxKeyBucketsPerRoute         = 256
	DefaultHotKeysPerRoute        = 64
	MaxHotKeysPerRoute            = 256
	DefaultHotKeysSampleRate      = 16
	MaxHotKeysSampleRate          = 1024
	DefaultHotKeysQueueSize       = 8192
	MaxHotKeysQueueSize           = 65536
	DefaultHotKeysMaxKeyLen       = 1024
	MaxHotKeysMaxKeyLen           = 4096
)

// Sampler is what the request path needs of a sampler.
type Sampler interface {
	// Observe counts one request; see [MemSampler.Observe].
	Observe(routeID uint64, key []byte, op Op, valueLen int, label Label)
}

var _ Sampler = (*MemSampler)(nil)

// MatrixColumn is what one flush committed: the rows counted in (WindowStart, At]. Consecutive columns are contiguous.
type MatrixColumn struct {
	// WindowStart is the At of the column before (of the first one: when the sampler was made). It is before At: where
	// the clock went backwards or stood still, it is At less one step.
	WindowStart time.Time
	// At is the time of the flush.
	At time.Time
	// Rows are sorted by (the range's start, RouteID, Label, SubBucket); a row with only zeros is left out.
	Rows []MatrixRow
}

// MatrixRow is what one slot (a route and a label), or one part of it, counted in a column.
type MatrixRow struct {
	// RouteID is the route, or the synthetic id of a virtual bucket (from 2^64-1 downwards).
	RouteID uint64
	Label   Label
	// Start and End are the bounds of the row's key range, the part's own ones where the route is sub-divided. A nil
	// Start is the least key; a nil End: unbounded.
	Start, End []byte
	// Aggregate: the row is a virtual bucket, which counts every route past MaxTrackedRoutes.
	Aggregate bool
	// MemberRoutes lists members of a virtual bucket, at most MaxMemberRoutesPerSlot; nil on a single route.
	MemberRoutes []uint64
	// MemberRoutesTotal is how many members there are, listed or not; 1 on a single route.
	MemberRoutesTotal uint64
	// RaftGroupID and LeaderTerm (as it stood when the flush began) are 0 where unknown, and on virtual buckets.
	RaftGroupID, LeaderTerm uint64
	// SubBucket is the part of the route's range, below SubBucketCount, which is 1 where it isn't sub-divided.
	SubBucket, SubBucketCount int
	// Reads and Writes are requests; ReadBytes and WriteBytes the bytes of their keys and values.
	Reads, Writes, ReadBytes, WriteBytes uint64
}

// KeyvizHotKeysSnapshot is what the hot-key sketch of one route and label held when it was published.
type KeyvizHotKeysSnapshot struct {
	RouteID uint64
	Label   Label
	// SampledN is the number of observations that the sketch took in.
	SampledN uint64
	// DroppedSamples could not be taken; SkippedLongKeys were longer than HotKeysMaxKeyLen. Both are of all routes, in the
	// window that the snapshot is of.
	DroppedSamples, SkippedLongKeys uint64
	SnapshotAt                      time.Time
	// SampleRate: one in so many observations is sampled. Capacity: keys that the sketch holds.
	SampleRate, Capacity int
	// Entries have the largest counts first.
	Entries []KeyvizHotKeyEntry
}

// KeyvizHotKeyEntry is one key of a sketch.
type KeyvizHotKeyEntry struct {
	Key []byte
	// Count is the sketch's own count: of samples, not of observations.
	Count uint64
}
