//go:build cgo

package keyviz

// #include "bridge.h"
//
// #cgo nocallback kv_matrix_query
// #cgo noescape kv_matrix_query
// #cgo nocallback kv_matrix_from_columns
// #cgo noescape kv_matrix_from_columns
// #cgo nocallback keyviz_matrix_shape
// #cgo noescape keyviz_matrix_shape
// #cgo nocallback keyviz_matrix_info
// #cgo noescape keyviz_matrix_info
// #cgo nocallback keyviz_matrix_columns
// #cgo noescape keyviz_matrix_columns
// #cgo nocallback keyviz_matrix_row
// #cgo noescape keyviz_matrix_row
// #cgo nocallback keyviz_matrix_row_name
// #cgo noescape keyviz_matrix_row_name
// #cgo nocallback keyviz_matrix_identities
// #cgo noescape keyviz_matrix_identities
// #cgo nocallback keyviz_matrix_node
// #cgo noescape keyviz_matrix_node
// #cgo nocallback keyviz_matrix_free
import "C"

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"time"
	"unsafe"
)

// The numbers of both sides are the same, or this doesn't compile.
var (
	_ [C.KEYVIZ_SERIES_READS]struct{}       = [SeriesReads]struct{}{}
	_ [C.KEYVIZ_SERIES_WRITES]struct{}      = [SeriesWrites]struct{}{}
	_ [C.KEYVIZ_SERIES_READ_BYTES]struct{}  = [SeriesReadBytes]struct{}{}
	_ [C.KEYVIZ_SERIES_WRITE_BYTES]struct{} = [SeriesWriteBytes]struct{}{}
	_ [C.KEYVIZ_BUDGET_TOP]struct{}         = [BudgetTop]struct{}{}
	_ [C.KEYVIZ_BUDGET_MERGE]struct{}       = [BudgetMerge]struct{}{}
	_ [C.KEYVIZ_SCALE_LOG]struct{}          = [ScaleLog]struct{}{}
	_ [C.KEYVIZ_SCALE_LINEAR]struct{}       = [ScaleLinear]struct{}{}
)

// matrixHandle is a matrix that is not freed.
type matrixHandle struct{ at *C.keyviz_matrix_t }

func (h matrixHandle) free() { C.keyviz_matrix_free(h.at) }

// newMatrix makes a Matrix of what a call gave out.
func newMatrix(at *C.keyviz_matrix_t, status C.keyviz_status_t, err *C.keyviz_error_t) (*Matrix, error) {
	if err := errorOf(status, err); err != nil {
		return nil, err
	}
	m := &Matrix{}
	own(m, &m.owner, matrixHandle{at}, matrixHandle.free)
	return m, nil
}

// newError is an error for the library to fill.
func newError() C.keyviz_error_t { return C.keyviz_error_t{type_size: C.sizeof_keyviz_error_t} }

// charsOf is for what is only read.
func charsOf(s string) *C.char { return (*C.char)(unsafe.Pointer(unsafe.StringData(s))) }

// cQuery is a query for the library: with times that are its own, and 0 for unbounded ones.
func cQuery(query MatrixQuery, from, to int64) C.kv_query_t {
	return C.kv_query_t{
		from_ns: C.int64_t(from), to_ns: C.int64_t(to), series: C.uint32_t(query.Series),
		row_budget: C.uint32_t(clamp32(query.Rows)), budget_mode: C.uint32_t(query.Mode),
	}
}

func (c *core) matrix(query MatrixQuery) (*Matrix, error) {
	bound := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		if ns := c.clock.nanoseconds(t); ns != 0 {
			return ns
		}
		return -1 // 0 would mean unbounded.
	}
	asked := cQuery(query, bound(query.From), bound(query.To))
	var at *C.keyviz_matrix_t
	err := newError()
	status := C.kv_matrix_query(c.handle, &asked, charsOf(query.Node), C.size_t(len(query.Node)), &at, &err)
	runtime.KeepAlive(c)
	return newMatrix(at, status, &err)
}

func matrixFromColumns(columns []MatrixColumn, query MatrixQuery) (*Matrix, error) {
	if err := Ready(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisabled, err)
	}
	kept, err := packColumns(columns, query.From, query.To)
	if err != nil {
		return nil, err
	}
	asked := cQuery(query, 0, 0)
	var at *C.keyviz_matrix_t
	failure := newError()
	status := C.kv_matrix_from_columns(unsafe.SliceData(kept.columns), C.size_t(len(kept.columns)),
		unsafe.SliceData(kept.rows), chars(kept.arena), C.size_t(len(kept.arena)), &asked,
		charsOf(query.Node), C.size_t(len(query.Node)), &at, &failure)
	return newMatrix(at, status, &failure)
}

// packedColumns are columns as the library reads them. The rows of all columns lie one behind the other, and so do the ids
// and keys that they point at, in one arena.
type packedColumns struct {
	columns []C.kv_column_t
	rows    []C.keyviz_row_t
	arena   []byte
}

func packColumns(columns []MatrixColumn, from, to time.Time) (packed packedColumns, err error) {
	rows, arena := 0, 0
	for i := range columns {
		rows += len(columns[i].Rows)
		for r := range columns[i].Rows {
			row := &columns[i].Rows[r]
			arena += len(row.Start) + len(row.End) + 8*len(row.MemberRoutes)
		}
	}
	packed = packedColumns{make([]C.kv_column_t, 0, len(columns)), make([]C.keyviz_row_t, 0, rows), make([]byte, 0, arena)}
	for i := range columns {
		column := &columns[i]
		if (!from.IsZero() && column.At.Before(from)) || (!to.IsZero() && !column.At.Before(to)) {
			continue
		}
		at := clock{origin: time.Unix(0, 0)}.nanoseconds(column.At)
		if at == math.MinInt64 || at == math.MaxInt64 {
			return packed, fmt.Errorf("%w: columns[%d].At is %v, out of the range of int64 nanoseconds", ErrInvalidArgument, i, column.At)
		}
		packed.columns = append(packed.columns, C.kv_column_t{at_ns: C.int64_t(at), row_count: C.uint64_t(len(column.Rows))})
		for r := range column.Rows {
			if err := packed.add(&column.Rows[r]); err != nil {
				return packed, fmt.Errorf("%w: columns[%d].Rows[%d]: %s", ErrInvalidArgument, i, r, err)
			}
		}
	}
	return packed, nil
}

func (p *packedColumns) add(row *MatrixRow) error {
	label := row.Label.number()
	parts := max(row.SubBucketCount, 1)
	switch {
	case label == numberUnknown:
		return fmt.Errorf("there is no label %q", string(row.Label))
	case row.SubBucket < 0 || row.SubBucket >= parts || parts > math.MaxUint32:
		return fmt.Errorf("there is no sub-bucket %d of %d", row.SubBucket, parts)
	case uint64(max(len(row.Start), len(row.End), len(row.MemberRoutes))) > math.MaxUint32:
		return fmt.Errorf("a key or list is too long")
	}
	flags := C.uint32_t(0)
	if row.Aggregate {
		flags |= C.KEYVIZ_ROW_AGGREGATE
	}
	if len(row.End) == 0 {
		flags |= C.KEYVIZ_ROW_UNBOUNDED
	}
	packed := C.keyviz_row_t{
		route_id: C.uint64_t(row.RouteID), group_id: C.uint64_t(row.RaftGroupID), leader_term: C.uint64_t(row.LeaderTerm),
		reads: C.uint64_t(row.Reads), writes: C.uint64_t(row.Writes),
		read_bytes: C.uint64_t(row.ReadBytes), write_bytes: C.uint64_t(row.WriteBytes),
		member_routes_total: C.uint64_t(row.MemberRoutesTotal), member_routes_count: C.uint32_t(len(row.MemberRoutes)),
		start_len: C.uint32_t(len(row.Start)), end_len: C.uint32_t(len(row.End)),
		label: C.uint32_t(label), flags: flags,
		sub_bucket: C.uint32_t(row.SubBucket), sub_bucket_count: C.uint32_t(parts),
	}
	packed.start_offset = C.uint64_t(len(p.arena))
	p.arena = append(p.arena, row.Start...)
	packed.end_offset = C.uint64_t(len(p.arena))
	p.arena = append(p.arena, row.End...)
	packed.member_routes_offset = C.uint64_t(len(p.arena))
	for _, id := range row.MemberRoutes {
		p.arena = binary.NativeEndian.AppendUint64(p.arena, id)
	}
	p.rows = append(p.rows, packed)
	return nil
}

func (h matrixHandle) info() info {
	told := C.keyviz_matrix_info_t{type_size: C.sizeof_keyviz_matrix_info_t}
	C.keyviz_matrix_info(h.at, &told, nil)
	i := info{
		series:      Series(told.series),
		generatedAt: time.Unix(0, int64(told.generated_at_ns)).UTC(),
		node:        goString(told.node, told.node_len),
	}
	if told.fanout != 0 {
		i.fanout = &Fanout{Responded: int(told.nodes_responded), Expected: int(told.nodes_expected)}
		for n := range C.size_t(told.nodes) {
			node := C.keyviz_matrix_node_t{type_size: C.sizeof_keyviz_matrix_node_t}
			C.keyviz_matrix_node(h.at, n, &node, nil)
			i.fanout.Nodes = append(i.fanout.Nodes, FanoutNode{
				Node: goString(node.node, node.node_len), OK: node.error == nil, Error: goString(node.error, node.error_len),
			})
		}
	}
	return i
}

func (h matrixHandle) shape() (rows, columns int) {
	var r, c C.size_t
	C.keyviz_matrix_shape(h.at, &r, &c)
	return int(r), int(c)
}

func (h matrixHandle) columns() []time.Time {
	_, n := h.shape()
	unixMs := make([]int64, n)
	C.keyviz_matrix_columns(h.at, (*C.int64_t)(unsafe.SliceData(unixMs)), C.size_t(n), nil)
	columns := make([]time.Time, n)
	for j, ms := range unixMs {
		columns[j] = time.UnixMilli(ms).UTC()
	}
	return columns
}

// raw is row i as the library describes it, with pointers into the matrix; false: there is none.
func (h matrixHandle) raw(i int) (C.keyviz_matrix_row_t, bool) {
	row := C.keyviz_matrix_row_t{type_size: C.sizeof_keyviz_matrix_row_t}
	return row, i >= 0 && C.keyviz_matrix_row(h.at, C.size_t(i), &row, nil) == C.KEYVIZ_OK
}

func (h matrixHandle) row(i int) SeriesRow {
	row, ok := h.raw(i)
	if !ok {
		return SeriesRow{}
	}
	name := make([]byte, row.id_len+64)
	var size C.size_t
	for C.keyviz_matrix_row_name(h.at, C.size_t(i), chars(name), C.size_t(len(name)), &size, nil) == C.KEYVIZ_ERR_BUFFER_TOO_SMALL {
		name = make([]byte, size)
	}
	return SeriesRow{
		ID:                goString(row.id, row.id_len),
		DisplayName:       string(name[:size]),
		Label:             Label(goString(row.label, row.label_len)),
		Start:             copyOf((*byte)(row.start), row.start_len),
		End:               copyOf((*byte)(row.end), row.end_len),
		Aggregate:         row.flags&C.KEYVIZ_MATRIX_ROW_AGGREGATE != 0,
		RouteIDs:          copyOf((*uint64)(row.route_ids), row.route_ids_count),
		RouteCount:        uint64(row.route_count),
		RouteIDsTruncated: row.flags&C.KEYVIZ_MATRIX_ROW_ROUTES_TRUNCATED != 0,
		Conflict:          row.flags&C.KEYVIZ_MATRIX_ROW_CONFLICT != 0,
	}
}

func (h matrixHandle) values(i int) []uint64 {
	row, ok := h.raw(i)
	if !ok {
		return nil
	}
	_, columns := h.shape()
	return copyOf((*uint64)(row.values), C.size_t(columns))
}

func (h matrixHandle) conflicts(i int) []bool {
	row, ok := h.raw(i)
	if !ok || row.conflicts == nil {
		return nil
	}
	_, columns := h.shape()
	conflicts := make([]bool, columns)
	for j, conflict := range unsafe.Slice((*uint8)(row.conflicts), columns) {
		conflicts[j] = conflict != 0
	}
	return conflicts
}

func (h matrixHandle) identities(i int) (groupIDs, leaderTerms []uint64) {
	rows, columns := h.shape()
	if i < 0 || i >= rows {
		return nil, nil
	}
	groupIDs, leaderTerms = make([]uint64, columns), make([]uint64, columns)
	C.keyviz_matrix_identities(h.at, C.size_t(i), (*C.uint64_t)(unsafe.SliceData(groupIDs)),
		(*C.uint64_t)(unsafe.SliceData(leaderTerms)), C.size_t(columns), nil)
	return groupIDs, leaderTerms
}

func goString(at *C.char, n C.size_t) string {
	return string(unsafe.Slice((*byte)(unsafe.Pointer(at)), int(n)))
}

// copyOf copies what lies in the library's memory; nil if there is none.
func copyOf[T byte | uint64](at *T, n C.size_t) []T {
	if n == 0 {
		return nil
	}
	return append([]T(nil), unsafe.Slice(at, int(n))...)
}
