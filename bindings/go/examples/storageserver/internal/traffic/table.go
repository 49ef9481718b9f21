package traffic

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// WriteTable prints rows and a last line that adds them up. Total is reads plus
// writes; bytes are key length plus value length.
func WriteTable(w io.Writer, rows []RowTotal) error {
	all := RowTotal{Name: "all"}
	width := len("row")
	for _, row := range rows {
		all.Add(row.Counters)
		width = max(width, len(row.Name))
	}
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%-*s\treads\twrites\tread bytes\twrite bytes\ttotal\t\n", width, "row")
	for _, row := range append(rows[:len(rows):len(rows)], all) {
		fmt.Fprintf(t, "%-*s\t%d\t%d\t%d\t%d\t%d\t\n", width, row.Name,
			row.Reads, row.Writes, row.ReadBytes, row.WriteBytes, row.Reads+row.Writes)
	}
	return t.Flush()
}
