package traffic

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

// Counters are the four counters of a cell. The byte counters hold key length
// plus value length, in bytes.
type Counters struct {
	Reads      uint64 `json:"reads"`
	Writes     uint64 `json:"writes"`
	ReadBytes  uint64 `json:"read_bytes"`
	WriteBytes uint64 `json:"write_bytes"`
}

// Add adds o to c, counter by counter.
func (c *Counters) Add(o Counters) {
	c.Reads += o.Reads
	c.Writes += o.Writes
	c.ReadBytes += o.ReadBytes
	c.WriteBytes += o.WriteBytes
}

// AddRead counts one read as the sampler counts it.
func (c *Counters) AddRead(keyLen, valueLen int) {
	c.Reads++
	c.ReadBytes += uint64(keyLen) + uint64(valueLen)
}

// AddWrite counts one write as the sampler counts it.
func (c *Counters) AddWrite(keyLen, valueLen int) {
	c.Writes++
	c.WriteBytes += uint64(keyLen) + uint64(valueLen)
}

// ByLabel holds the counters of each label that had traffic.
type ByLabel map[keyviz.Label]Counters

// Add adds o to the counters of one label.
func (b ByLabel) Add(label keyviz.Label, o Counters) {
	c := b[label]
	c.Add(o)
	b[label] = c
}

// SumLabels adds up the rows of all columns, label by label.
func SumLabels(columns []keyviz.MatrixColumn) ByLabel {
	sums := make(ByLabel)
	for _, column := range columns {
		for _, row := range column.Rows {
			sums.Add(row.Label, cellOf(row))
		}
	}
	return sums
}

// Diff compares, label by label and counter by counter, and returns one
// sentence for each difference. No difference gives nil.
func Diff(want, got ByLabel) []string {
	labels := make(map[keyviz.Label]struct{})
	for label := range want {
		labels[label] = struct{}{}
	}
	for label := range got {
		labels[label] = struct{}{}
	}
	var diffs []string
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		w, g := want[label], got[label]
		for _, counter := range []struct {
			name      string
			want, got uint64
		}{
			{"reads", w.Reads, g.Reads},
			{"writes", w.Writes, g.Writes},
			{"read bytes", w.ReadBytes, g.ReadBytes},
			{"write bytes", w.WriteBytes, g.WriteBytes},
		} {
			if counter.want != counter.got {
				diffs = append(diffs, fmt.Sprintf("label %q, %s: expected %d, the columns say %d",
					label, counter.name, counter.want, counter.got))
			}
		}
	}
	return diffs
}

// RowTotal is one row of the matrix, added up over all columns.
type RowTotal struct {
	Name string
	Counters
}

// SumRows adds up the columns by route and label, in this order, whatever parts
// the route is divided into.
func SumRows(columns []keyviz.MatrixColumn) []RowTotal {
	sums := make(map[rowKey]Counters)
	for _, column := range columns {
		for _, row := range column.Rows {
			key := rowKey{row.RouteID, row.Label, row.Aggregate}
			c := sums[key]
			c.Add(cellOf(row))
			sums[key] = c
		}
	}
	totals := make([]RowTotal, 0, len(sums))
	for _, key := range slices.SortedFunc(maps.Keys(sums), rowKey.compare) {
		totals = append(totals, RowTotal{Name: key.name(), Counters: sums[key]})
	}
	return totals
}

func cellOf(row keyviz.MatrixRow) Counters {
	return Counters{Reads: row.Reads, Writes: row.Writes, ReadBytes: row.ReadBytes, WriteBytes: row.WriteBytes}
}

// rowKey identifies a slot over all columns.
type rowKey struct {
	routeID   uint64
	label     keyviz.Label
	aggregate bool
}

func (k rowKey) compare(o rowKey) int {
	return cmp.Or(cmp.Compare(k.routeID, o.routeID), cmp.Compare(k.label, o.label))
}

// name is the display name: "route:1 / redis", "route:1" without a label,
// "virtual:…" for an aggregate.
func (k rowKey) name() string {
	kind := "route"
	if k.aggregate {
		kind = "virtual"
	}
	name := fmt.Sprintf("%s:%d", kind, k.routeID)
	if k.label != keyviz.LabelLegacy {
		name += " / " + string(k.label)
	}
	return name
}
