// Package loadgen drives a running server with real clients and keeps exact
// books of what they sent and what was acknowledged.
package loadgen

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

// Tally is what the clients of one front end did. An access is one key in one
// request; a request with several keys is several accesses.
type Tally struct {
	Label      keyviz.Label `json:"label"`
	Requests   uint64       `json:"requests"`
	SentReads  uint64       `json:"sent_reads"`  // accesses
	SentWrites uint64       `json:"sent_writes"` // accesses
	Errors     uint64       `json:"errors"`      // requests without an acknowledgement

	// Acknowledged counts the accesses whose request was answered, as the server
	// must count them: bytes are key length plus the length of the value that
	// was returned or stored.
	Acknowledged traffic.Counters `json:"acknowledged"`
}

func (t *Tally) add(o Tally) {
	t.Requests += o.Requests
	t.SentReads += o.SentReads
	t.SentWrites += o.SentWrites
	t.Errors += o.Errors
	t.Acknowledged.Add(o.Acknowledged)
}

// Report is the outcome of one run.
type Report struct {
	Seconds float64 `json:"seconds"`
	Fronts  []Tally `json:"fronts"`
}

// Acknowledged returns the acknowledged accesses by label.
func (r Report) Acknowledged() traffic.ByLabel {
	sums := make(traffic.ByLabel)
	for _, t := range r.Fronts {
		sums.Add(t.Label, t.Acknowledged)
	}
	return sums
}

// WriteTable prints the report for people.
func (r Report) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%-8s\trequests\terrors\tsent reads\tsent writes\tacked reads\tacked writes\tread bytes\twrite bytes\t\n", "client")
	for _, f := range r.Fronts {
		fmt.Fprintf(t, "%-8s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", f.Label, f.Requests, f.Errors,
			f.SentReads, f.SentWrites, f.Acknowledged.Reads, f.Acknowledged.Writes,
			f.Acknowledged.ReadBytes, f.Acknowledged.WriteBytes)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	elapsed := time.Duration(r.Seconds * float64(time.Second)).Round(10 * time.Millisecond)
	_, err := fmt.Fprintf(w, "in %v\n", elapsed)
	return err
}
