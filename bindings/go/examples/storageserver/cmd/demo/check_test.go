package main

import (
	"strings"
	"testing"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/loadgen"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

func TestAnyDifferenceFailsTheDemo(t *testing.T) {
	report := loadgen.Report{Fronts: []loadgen.Tally{{
		Label: keyviz.LabelRedis, Requests: 3, SentReads: 1, SentWrites: 2,
		Acknowledged: traffic.Counters{Reads: 1, Writes: 2, ReadBytes: 10, WriteBytes: 20},
	}}}
	right := keyviz.MatrixRow{RouteID: 1, Label: keyviz.LabelRedis, Reads: 1, Writes: 2, ReadBytes: 10, WriteBytes: 20}
	columnsOf := func(rows ...keyviz.MatrixRow) []keyviz.MatrixColumn { return []keyviz.MatrixColumn{{Rows: rows}} }
	if err := check(report, columnsOf(right)); err != nil {
		t.Errorf("equal books: %v", err)
	}

	oneByteLess, otherLabel := right, right
	oneByteLess.WriteBytes--
	otherLabel.Label = keyviz.LabelRawKV
	for name, columns := range map[string][]keyviz.MatrixColumn{
		"one byte less":  columnsOf(oneByteLess),
		"another label":  columnsOf(otherLabel),
		"one row more":   columnsOf(right, right),
		"no row at all":  columnsOf(),
		"no column even": nil,
	} {
		if err := check(report, columns); err == nil || !strings.Contains(err.Error(), `"redis"`) {
			t.Errorf("%s: %v", name, err)
		}
	}

	report.Fronts[0].SentReads++
	if err := check(report, columnsOf(right)); err == nil || !strings.Contains(err.Error(), "acknowledged") {
		t.Errorf("a read that was not acknowledged: %v", err)
	}
}
