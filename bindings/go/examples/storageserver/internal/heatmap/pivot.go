package heatmap

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

// data is what the page's script reads.
type data struct {
	Scaled  bool     `json:"scaled"`
	Columns []window `json:"columns"`
	Rows    []row    `json:"rows"`
}

// window is the time that a column covers, in Unix milliseconds.
type window struct {
	Start int64 `json:"start"`
	At    int64 `json:"at"`
}

// row has one number for each column and series. They are decimal strings,
// because a number in JavaScript is exact up to 2^53 only.
type row struct {
	Name       string   `json:"name"`
	Start      string   `json:"start"` // quoted; empty: unbounded
	End        string   `json:"end"`   // the same
	Reads      []string `json:"reads"`
	Writes     []string `json:"writes"`
	ReadBytes  []string `json:"readBytes"`
	WriteBytes []string `json:"writeBytes"`

	key   traffic.RowKey
	start []byte
}

// pivot turns columns of rows into rows of columns, in order of start key. What
// a row says of itself is taken from the oldest column that has it.
func pivot(options Options, columns []keyviz.MatrixColumn) data {
	d := data{Scaled: options.Scaled, Columns: []window{}, Rows: []row{}}
	index := make(map[traffic.RowKey]int)
	for j, column := range columns {
		d.Columns = append(d.Columns, window{column.WindowStart.UnixMilli(), column.At.UnixMilli()})
		for _, r := range column.Rows {
			key := traffic.KeyOf(r)
			i, known := index[key]
			if !known {
				i = len(d.Rows)
				index[key] = i
				d.Rows = append(d.Rows, newRow(key, r, len(columns)))
			}
			d.Rows[i].Reads[j] = strconv.FormatUint(r.Reads, 10)
			d.Rows[i].Writes[j] = strconv.FormatUint(r.Writes, 10)
			d.Rows[i].ReadBytes[j] = strconv.FormatUint(r.ReadBytes, 10)
			d.Rows[i].WriteBytes[j] = strconv.FormatUint(r.WriteBytes, 10)
		}
	}
	slices.SortStableFunc(d.Rows, func(a, b row) int {
		return cmp.Or(bytes.Compare(a.start, b.start), a.key.Compare(b.key))
	})
	return d
}

func newRow(key traffic.RowKey, r keyviz.MatrixRow, columns int) row {
	zeros := func() []string { return slices.Repeat([]string{"0"}, columns) }
	return row{
		Name:  key.Name(),
		Start: bound(r.Start), End: bound(r.End),
		Reads: zeros(), Writes: zeros(), ReadBytes: zeros(), WriteBytes: zeros(),
		key: key, start: r.Start,
	}
}

func bound(key []byte) string {
	if len(key) == 0 {
		return ""
	}
	return strconv.QuoteToASCII(string(key))
}
