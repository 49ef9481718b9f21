//go:build cgo

package keyviz

// #include "bridge.h"
//
// #cgo nocallback keyviz_matrix_verdict
// #cgo noescape keyviz_matrix_verdict
// #cgo nocallback keyviz_matrix_split
// #cgo noescape keyviz_matrix_split
import "C"

import (
	"math"
	"time"
)

// The numbers of both sides are the same, or this doesn't compile.
var (
	_ [C.KEYVIZ_VERDICT_IDLE]struct{}        = [VerdictIdle]struct{}{}
	_ [C.KEYVIZ_VERDICT_STEADY]struct{}      = [VerdictSteady]struct{}{}
	_ [C.KEYVIZ_VERDICT_BURST]struct{}       = [VerdictBurst]struct{}{}
	_ [C.KEYVIZ_VERDICT_PERIODIC]struct{}    = [VerdictPeriodic]struct{}{}
	_ [C.KEYVIZ_VERDICT_MOVING_EDGE]struct{} = [VerdictMovingEdge]struct{}{}
	_ [C.KEYVIZ_VERDICT_ONE_CELL]struct{}    = [VerdictOneCell]struct{}{}
	_ [C.KEYVIZ_VERDICT_EVEN]struct{}        = [VerdictEven]struct{}{}
	_ [C.KEYVIZ_VERDICT_IRREGULAR]struct{}   = [VerdictIrregular]struct{}{}
)

func (h matrixHandle) verdict(i int) Verdict {
	said := C.keyviz_verdict_t{type_size: C.sizeof_keyviz_verdict_t}
	if i < 0 || C.keyviz_matrix_verdict(h.at, C.size_t(i), &said, nil) != C.KEYVIZ_OK {
		return Verdict{}
	}
	return Verdict{
		Kind:    VerdictKind(said.verdict),
		Measure: float64(said.measure),
		Period:  time.Duration(min(uint64(said.period_ms), math.MaxInt64/uint64(time.Millisecond))) * time.Millisecond,
		Total:   uint64(said.total),
		Reason:  goString(said.reason, said.reason_len),
	}
}

func (h matrixHandle) splits() []Split {
	var splits []Split
	for i := C.size_t(0); ; i++ {
		said := C.keyviz_split_t{type_size: C.sizeof_keyviz_split_t}
		if C.keyviz_matrix_split(h.at, i, &said, nil) != C.KEYVIZ_OK {
			return splits
		}
		splits = append(splits, Split{
			RouteID: uint64(said.route_id),
			Share:   float64(said.share),
			Key:     copyOf((*byte)(said.key), said.key_len),
			Below:   float64(said.below),
			Reason:  goString(said.reason, said.reason_len),
		})
	}
}
