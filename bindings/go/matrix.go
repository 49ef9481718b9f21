package keyviz

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"time"
)

// The errors of matrices and merges that a host may want to tell apart. What is returned wraps them, and says more.
var (
	// ErrDisabled: the sampler is nil or closed, or this build can't count (see [Ready]).
	ErrDisabled = errors.New("keyviz: off")
	// ErrClosed: the matrix or merge is nil or closed, or the merge is finished.
	ErrClosed = errors.New("keyviz: closed")
	// ErrInvalidArgument: an argument has no meaning.
	ErrInvalidArgument = errors.New("keyviz: invalid argument")
	// ErrMalformed: the input is not what it should be. The message tells at which byte.
	ErrMalformed = errors.New("keyviz: malformed")
	// ErrTooLarge: the input is over a limit. The message tells which.
	ErrTooLarge = errors.New("keyviz: too large")
)

// seriesNames are the names of the series in JSON and in URLs.
var seriesNames = [...]string{"reads", "writes", "read_bytes", "write_bytes"}

// SeriesName is the name of a series in JSON and in URLs: "reads", "writes", "read_bytes" or "write_bytes"; "" of none.
func SeriesName(series Series) string {
	if int(series) < len(seriesNames) {
		return seriesNames[series]
	}
	return ""
}

// ParseSeries is the series of a name; see [SeriesName].
func ParseSeries(name string) (Series, error) {
	for i, known := range seriesNames {
		if name == known {
			return Series(i), nil
		}
	}
	return 0, fmt.Errorf("%w: there is no series %q", ErrInvalidArgument, name)
}

// MaxMatrixRows is how many rows a matrix has at most, and by default.
const MaxMatrixRows = 1024

// BudgetMode is what happens where there are more rows than a matrix may have.
type BudgetMode uint8

// The modes.
const (
	// BudgetTop: the rows with the largest totals stay, and the others are dropped.
	BudgetTop BudgetMode = 0
	// BudgetMerge: cold rows that are neighbours become one. No traffic disappears.
	BudgetMerge BudgetMode = 1
)

// MatrixQuery says what a matrix is made of. The zero query: the reads of all columns.
type MatrixQuery struct {
	Series Series
	// Columns with From <= At < To. The zero Time is unbounded.
	From, To time.Time
	// Rows at most; 0 or below, or above [MaxMatrixRows]: that.
	Rows int
	Mode BudgetMode
	// Node is this node's name in its cluster, if it has one: two sources with one name count once.
	Node string
}

// Matrix is time x key ranges of one series. It is the library's, which the garbage collector doesn't see: 8 bytes a
// value, beside the rows. [Matrix.Close] frees it at once; otherwise it goes when it is collected.
//
// It never changes. Every method may be called by any goroutine at any time; on a nil or closed Matrix, and of a row
// that isn't there, it gives the zero value, or [ErrClosed].
type Matrix struct {
	owner owner[matrixHandle]
}

// SeriesRow is a row of a [Matrix], but for its values ([Matrix.Values]).
type SeriesRow struct {
	// ID is unique in the matrix, and the same from one query to the next: "route:7:redis#3".
	ID string
	// DisplayName is for people: "route:7 / redis".
	DisplayName string
	// Label may be one that this build doesn't know. A merged row has several, joined by '+'.
	Label Label
	// Start and End are the bounds of the key range. A nil Start is the least key; a nil End: unbounded.
	Start, End []byte
	// Aggregate: the row stands for several routes; RouteIDs lists some or all of them.
	Aggregate bool
	RouteIDs  []uint64
	// RouteCount is how many routes there are, listed or not (RouteIDsTruncated); 1 of a single one.
	RouteCount        uint64
	RouteIDsTruncated bool
	// Conflict: sources of a merge contradicted each other somewhere in the row; [Matrix.Conflicts] tells where.
	Conflict bool
}

// Fanout tells of the cluster that was asked for a matrix.
type Fanout struct {
	Nodes []FanoutNode
	// Responded nodes answered, of those Expected.
	Responded, Expected int
}

// FanoutNode is one node of a cluster.
type FanoutNode struct {
	Node string
	// OK: it answered. Otherwise Error says what went wrong.
	OK    bool
	Error string
}

// MatrixLimits are what a parser takes at most of an input that it doesn't trust. In each, 0 or below means the default.
type MatrixLimits struct {
	// MaxBytes of input; default 64 MiB.
	MaxBytes int
	// MaxRows, and nodes; default 65 536.
	MaxRows int
	// MaxCells, rows times columns; default 16 777 216.
	MaxCells int
}

// Scale is how values become brightness in a picture.
type Scale uint8

// The scales.
const (
	// ScaleLog: in proportion to ln(1 + value).
	ScaleLog Scale = 0
	// ScaleLinear: in proportion to the value.
	ScaleLinear Scale = 1
)

// PNGOptions say how a picture is drawn.
type PNGOptions struct {
	// Width and Height in pixels, at most 8192; 0: as the columns and rows need.
	Width, Height int
	Scale         Scale
}

// LivePageOptions say what a live page asks its server.
type LivePageOptions struct {
	Title string
	// MatrixURL is where the matrix's JSON is, relative to the page: asked with ?series=&from_unix_ms=&rows=.
	MatrixURL string
	// HotKeysURL is where the hot keys' JSON is: asked with ?route_id=&label=&sub_bucket=&series=. Empty: none are shown.
	HotKeysURL string
	// Rows to ask for; 0: as many as the server gives.
	Rows int
}

// Matrix makes a matrix from the history. Observers and flushes go on meanwhile.
//
// Its columns are Unix milliseconds. (Of a clock that shows years before 1678 or after 2262, they count from the first
// time that it showed.)
//
// Errors: [ErrDisabled], [ErrInvalidArgument].
func (s *MemSampler) Matrix(query MatrixQuery) (*Matrix, error) {
	c := s.open()
	if c == nil {
		return nil, fmt.Errorf("%w: there is no sampler", ErrDisabled)
	}
	return c.matrix(query)
}

// MatrixFromColumns makes a matrix from columns that the host keeps, in any order. It only reads them. A row that was
// made by hand may leave SubBucketCount and MemberRoutesTotal at 0.
//
// Errors: [ErrDisabled], [ErrInvalidArgument] (also: a time that int64 Unix nanoseconds don't reach, a label that isn't one
// of the package's).
func MatrixFromColumns(columns []MatrixColumn, query MatrixQuery) (*Matrix, error) {
	return matrixFromColumns(columns, query)
}

// ParseMatrixJSON reads a matrix from JSON that need not be trusted: memory and time are bounded. Fields that aren't
// known are skipped, and labels that aren't known are kept.
//
// Errors: [ErrMalformed], [ErrTooLarge], [ErrDisabled].
func ParseMatrixJSON(data []byte, limits MatrixLimits) (*Matrix, error) {
	return parseMatrixJSON(data, limits)
}

// ParseMatrixProto reads a matrix from protobuf that need not be trusted, a GetKeyVizMatrixResponse of keyviz.proto. The
// message doesn't tell the series, so the caller does. Errors: as of [ParseMatrixJSON], and [ErrInvalidArgument].
func ParseMatrixProto(data []byte, series Series, limits MatrixLimits) (*Matrix, error) {
	return parseMatrixProto(data, series, limits)
}

// Close frees the matrix at once, or when the last method that is under way is done with it.
func (m *Matrix) Close() {
	if m != nil {
		m.owner.close()
	}
}

// use calls f, unless the matrix is closed.
func (m *Matrix) use(f func(matrixHandle)) bool {
	if m == nil {
		return false
	}
	h := m.owner.acquire()
	if h == nil {
		return false
	}
	defer h.release()
	f(h.thing)
	return true
}

// form is one of the matrix's forms.
func (m *Matrix) form(f func(matrixHandle) ([]byte, error)) (form []byte, err error) {
	if !m.use(func(handle matrixHandle) { form, err = f(handle) }) {
		return nil, fmt.Errorf("%w: there is no matrix", ErrClosed)
	}
	return form, err
}

// info is what a matrix is.
type info struct {
	series      Series
	generatedAt time.Time
	node        string
	fanout      *Fanout
}

func (m *Matrix) info() (told info) {
	m.use(func(handle matrixHandle) { told = handle.info() })
	return told
}

// Series is what the matrix counts.
func (m *Matrix) Series() Series { return m.info().series }

// GeneratedAt is when the matrix was made, by the system's clock.
func (m *Matrix) GeneratedAt() time.Time { return m.info().generatedAt }

// Node is the name of the node that made the matrix; "" if it has none.
func (m *Matrix) Node() string { return m.info().node }

// Fanout tells of the cluster that was asked; nil: none was.
func (m *Matrix) Fanout() *Fanout { return m.info().fanout }

// Shape is how many rows and columns there are.
func (m *Matrix) Shape() (rows, columns int) {
	m.use(func(handle matrixHandle) { rows, columns = handle.shape() })
	return rows, columns
}

// Columns are the columns' times, oldest first: when each was flushed, in UTC, to the millisecond.
func (m *Matrix) Columns() (columns []time.Time) {
	m.use(func(handle matrixHandle) { columns = handle.columns() })
	return columns
}

// Row describes row i; rows are in order of (Start, ID).
func (m *Matrix) Row(i int) (row SeriesRow) {
	m.use(func(handle matrixHandle) { row = handle.row(i) })
	return row
}

// Rows describes the rows, by their number.
func (m *Matrix) Rows() iter.Seq2[int, SeriesRow] {
	return func(yield func(int, SeriesRow) bool) {
		rows, _ := m.Shape()
		for i := range rows {
			if !yield(i, m.Row(i)) {
				return
			}
		}
	}
}

// Values copies the values of row i, one per column.
func (m *Matrix) Values(i int) (values []uint64) {
	m.use(func(handle matrixHandle) { values = handle.values(i) })
	return values
}

// Conflicts tells for each column whether sources of a merge contradicted each other in row i; nil: nowhere.
func (m *Matrix) Conflicts(i int) (conflicts []bool) {
	m.use(func(handle matrixHandle) { conflicts = handle.conflicts(i) })
	return conflicts
}

// Identities are the Raft group and leader term of row i, one per column, 0 where unknown.
func (m *Matrix) Identities(i int) (groupIDs, leaderTerms []uint64) {
	m.use(func(handle matrixHandle) { groupIDs, leaderTerms = handle.identities(i) })
	return groupIDs, leaderTerms
}

// JSON is the matrix as the library writes it, byte for byte.
func (m *Matrix) JSON() ([]byte, error) { return m.form(matrixHandle.json) }

// MarshalJSON is [Matrix.JSON], for encoding/json. A nil Matrix is null there.
func (m *Matrix) MarshalJSON() ([]byte, error) { return m.JSON() }

// Proto is the matrix as protobuf, a GetKeyVizMatrixResponse of keyviz.proto. The message doesn't carry the series, the
// fanout, or conflicts.
func (m *Matrix) Proto() ([]byte, error) { return m.form(matrixHandle.proto) }

// CSV is the matrix as CSV (RFC 4180), a line per row.
func (m *Matrix) CSV() ([]byte, error) { return m.form(matrixHandle.csv) }

// PNG draws the matrix: time goes right, keys go down, brighter is more. Errors: [ErrClosed], [ErrInvalidArgument].
func (m *Matrix) PNG(options PNGOptions) ([]byte, error) {
	if options.Width < 0 || options.Height < 0 || options.Width > math.MaxInt32 || options.Height > math.MaxInt32 {
		return nil, fmt.Errorf("%w: a picture of %d x %d pixels", ErrInvalidArgument, options.Width, options.Height)
	}
	return m.form(func(handle matrixHandle) ([]byte, error) { return handle.png(options) })
}

// HeatmapPage is the heatmap as one HTML page that needs nothing else. The matrices are best of different series; the
// first is shown first. Errors: [ErrClosed], [ErrInvalidArgument] (no matrix, the title is not UTF-8).
func HeatmapPage(title string, matrices ...*Matrix) ([]byte, error) {
	handles := make([]matrixHandle, 0, len(matrices))
	for i, m := range matrices {
		if m == nil {
			return nil, fmt.Errorf("%w: matrix %d is nil", ErrClosed, i)
		}
		h := m.owner.acquire()
		if h == nil {
			return nil, fmt.Errorf("%w: matrix %d", ErrClosed, i)
		}
		defer h.release()
		handles = append(handles, h.thing)
	}
	return heatmapPage(title, handles)
}

// LivePage is the heatmap page for a server that answers its requests. It is to be served with [LivePagePolicy] as the
// Content-Security-Policy header. Errors: [ErrDisabled], [ErrInvalidArgument] (no MatrixURL, not UTF-8).
func LivePage(options LivePageOptions) ([]byte, error) { return livePage(options) }

// LivePagePolicy is the Content-Security-Policy to serve [LivePage] with: nothing but the page's own script and style runs,
// and it asks nobody but its own server.
func LivePagePolicy() string { return livePagePolicy() }

// clamp32 turns a number where 0 means the default into the library's.
func clamp32(n int) uint32 {
	return uint32(min(uint64(max(n, 0)), math.MaxUint32))
}
