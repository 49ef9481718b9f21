package main

import (
	"strings"
	"testing"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/loadgen"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

func TestAnyDifferenceFailsTheDemo(t *testing.T) {
	var report loadgen.Report
	var rows []keyviz.MatrixRow
	for _, label := range keyviz.AllLabels {
		report.Fronts = append(report.Fronts, loadgen.Tally{
			Label: label, Requests: 3, SentReads: 1, SentWrites: 2,
			Acknowledged: traffic.Counters{Reads: 1, Writes: 2, ReadBytes: 10, WriteBytes: 20},
		})
		if label != keyviz.LabelRedis {
			rows = append(rows, keyviz.MatrixRow{RouteID: 1, Label: label, Reads: 1, Writes: 2, ReadBytes: 10, WriteBytes: 20})
		}
	}
	right := keyviz.MatrixRow{RouteID: 1, Label: keyviz.LabelRedis, Reads: 1, Writes: 2, ReadBytes: 10, WriteBytes: 20}
	columnsOf := func(redis ...keyviz.MatrixRow) []keyviz.MatrixColumn {
		return []keyviz.MatrixColumn{{Rows: rows}, {Rows: redis}}
	}
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

	quiet := loadgen.Report{Fronts: report.Fronts[1:]}
	missing := report.Fronts[0].Label
	if err := check(quiet, []keyviz.MatrixColumn{{Rows: rows[1:]}, {Rows: []keyviz.MatrixRow{right}}}); err == nil || !strings.Contains(err.Error(), string(missing)) {
		t.Errorf("without %s: %v", missing, err)
	}

	report.Fronts[0].SentReads++
	if err := check(report, columnsOf(right)); err == nil || !strings.Contains(err.Error(), "acknowledged") {
		t.Errorf("a read that was not acknowledged: %v", err)
	}
}
