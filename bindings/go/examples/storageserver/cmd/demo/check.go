package main

import (
	"fmt"
	"strings"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/loadgen"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

// check fails on any difference between the clients' books and the columns, on
// an adapter that is missing, and on a run too quiet to show anything.
func check(report loadgen.Report, columns []keyviz.MatrixColumn) error {
	acknowledged := report.Acknowledged()
	diffs := traffic.Diff(acknowledged, traffic.SumLabels(columns))
	for _, label := range keyviz.AllLabels {
		if acknowledged[label].Reads == 0 || acknowledged[label].Writes == 0 {
			diffs = append(diffs, fmt.Sprintf("label %q: the clients did no reads or no writes", label))
		}
	}
	for _, t := range report.Fronts {
		if t.SentReads != t.Acknowledged.Reads || t.SentWrites != t.Acknowledged.Writes {
			diffs = append(diffs, fmt.Sprintf("label %q: sent were %d reads and %d writes, acknowledged %d and %d",
				t.Label, t.SentReads, t.SentWrites, t.Acknowledged.Reads, t.Acknowledged.Writes))
		}
	}
	if len(diffs) > 0 {
		return fmt.Errorf("the columns are not what the clients sent:\n  %s", strings.Join(diffs, "\n  "))
	}
	fmt.Println("check: the columns equal what the clients sent, to the unit, for each label and counter")
	return nil
}
