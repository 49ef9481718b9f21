package keyviz

import "time"

// VerdictKind is how a row's traffic lies in time and along the keys.
type VerdictKind uint32

// The kinds of verdicts.
const (
	VerdictIdle       VerdictKind = 0 // Nothing was counted.
	VerdictSteady     VerdictKind = 1 // About the same in each column.
	VerdictBurst      VerdictKind = 2 // Most of it in a few columns.
	VerdictPeriodic   VerdictKind = 3 // It comes back after the same time.
	VerdictMovingEdge VerdictKind = 4 // It walks along the keys: sequential writes.
	VerdictOneCell    VerdictKind = 5 // Most of it in one sub-bucket.
	VerdictEven       VerdictKind = 6 // Spread over the keys, and steady.
	VerdictIrregular  VerdictKind = 7 // None of these.
)

var verdictNames = [...]string{"idle", "steady", "burst", "periodic", "moving edge", "one cell", "even", "irregular"}

// String is the verdict's name for people: "moving edge".
func (k VerdictKind) String() string {
	if int(k) < len(verdictNames) {
		return verdictNames[k]
	}
	return "unknown"
}

// Verdict is what is said of a route under one label, all its sub-buckets together (or of an aggregate).
type Verdict struct {
	Kind VerdictKind
	// Measure is what decided it. Steady, irregular: standard deviation by mean. Burst: the share of the busiest twentieth
	// of the columns. Periodic: the autocorrelation. Moving edge: parts passed, negative if downwards. One cell, even: the
	// share of the hottest part. Idle: 0.
	Measure float64
	// Period of a periodic one; otherwise 0.
	Period time.Duration
	// Total is what was counted, 2^64-1 at most.
	Total uint64
	// Reason is why, in English.
	Reason string
}

// Split is where a hot route would be split.
type Split struct {
	RouteID uint64
	// Share of the matrix's traffic that is the route's, all labels, 0 to 1.
	Share float64
	// Key would open the upper half; nil: it can't be split further here.
	Key []byte
	// Below is the share of the route's traffic below Key, 0 to 1.
	Below float64
	// Reason is why, in English.
	Reason string
}

// Verdict says of row i how its traffic lies in time and along the keys: its route's under its label, sub-buckets together.
// The first call looks at the whole matrix. One made with [BudgetTop] may lack rows that matter.
func (m *Matrix) Verdict(i int) (verdict Verdict) {
	m.use(func(handle matrixHandle) { verdict = handle.verdict(i) })
	return verdict
}

// Splits says where the hot routes would be split, the hottest first: those with a tenth of the traffic or more.
func (m *Matrix) Splits() (splits []Split) {
	m.use(func(handle matrixHandle) { splits = handle.splits() })
	return splits
}
