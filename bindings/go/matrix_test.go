//go:build cgo

package keyviz

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// someTraffic is a history with every kind of row: labels, parts, a virtual bucket, groups and terms, idle columns.
func someTraffic(t testing.TB, seed uint64, columns int) *MemSampler {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	s, clock := newTestSampler(t, MemSamplerOptions{
		KeyVizLabelsEnabled: true, KeyBucketsPerRoute: 1 + int(seed%3)*3, MaxTrackedRoutes: 4,
	})
	for id := range uint64(6) {
		s.RegisterRoute(id+1, []byte{byte('a' + 2*id)}, []byte{byte('a' + 2*id + 2)}, id%3)
	}
	for range columns {
		if rng.IntN(4) == 0 {
			s.SetLeaderTerm(1+rng.Uint64N(2), rng.Uint64N(9))
		}
		for range rng.IntN(60) {
			id := rng.Uint64N(6)
			key := []byte{byte('a' + 2*id + rng.Uint64N(2)), byte(rng.Uint64())}
			s.Observe(id+1, key, Op(rng.IntN(2)), rng.IntN(1000), labels[rng.IntN(labelCount)])
		}
		flushed(s, clock)
	}
	return s
}

// idOf builds the row id of a column's row, as the specification says.
func idOf(row MatrixRow) string {
	if row.Aggregate {
		return fmt.Sprintf("virtual:%d", row.RouteID)
	}
	id := fmt.Sprintf("route:%d", row.RouteID)
	if row.Label != LabelLegacy {
		id += ":" + string(row.Label)
	}
	if row.SubBucketCount > 1 {
		id += fmt.Sprintf("#%d", row.SubBucket)
	}
	return id
}

func valueOf(row MatrixRow, series Series) uint64 {
	return [...]uint64{row.Reads, row.Writes, row.ReadBytes, row.WriteBytes}[series]
}

// pivoted is the matrix of some columns, in its plainest form.
type pivoted struct {
	SeriesRow
	values, groups, terms []uint64
}

func pivot(columns []MatrixColumn, series Series) []pivoted {
	rows := make(map[string]*pivoted)
	for j, column := range columns {
		for _, r := range column.Rows {
			id := idOf(r)
			row := rows[id]
			if row == nil {
				empty := func() []uint64 { return make([]uint64, len(columns)) }
				name, _, _ := strings.Cut(id, "#")
				if r.Label != LabelLegacy {
					name = strings.Replace(name, ":"+string(r.Label), " / "+string(r.Label), 1)
				}
				row = &pivoted{SeriesRow: SeriesRow{
					ID: id, DisplayName: name, Label: r.Label, Start: r.Start, End: r.End, Aggregate: r.Aggregate, RouteIDs: r.MemberRoutes,
					RouteCount: r.MemberRoutesTotal,
				}, values: empty(), groups: empty(), terms: empty()}
				rows[id] = row
			}
			row.values[j], row.groups[j], row.terms[j] = valueOf(r, series), r.RaftGroupID, r.LeaderTerm
		}
	}
	sorted := make([]pivoted, 0, len(rows))
	for _, row := range rows {
		sorted = append(sorted, *row)
	}
	slices.SortFunc(sorted, func(a, b pivoted) int { return cmp.Or(bytes.Compare(a.Start, b.Start), cmp.Compare(a.ID, b.ID)) })
	return sorted
}

func (m *Matrix) all() []pivoted {
	rows := []pivoted{}
	for i, row := range m.Rows() {
		groups, terms := m.Identities(i)
		rows = append(rows, pivoted{row, m.Values(i), groups, terms})
	}
	return rows
}

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestAMatrixIsThePivotOfItsColumns(t *testing.T) {
	for seed := range uint64(30) {
		s := someTraffic(t, seed, 1+int(seed%7))
		columns := s.Snapshot(time.Time{}, time.Time{})
		series := Series(seed % 4)
		query := MatrixQuery{Series: series, Node: "n1"}
		ofHistory := must[*Matrix](t)(s.Matrix(query))
		// In any order.
		slices.Reverse(columns)
		ofColumns := must[*Matrix](t)(MatrixFromColumns(columns, query))
		slices.Reverse(columns)
		want := pivot(columns, series)
		for name, m := range map[string]*Matrix{"history": ofHistory, "columns": ofColumns} {
			if got := m.all(); !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, of the %s:\n%+v\nwant\n%+v", seed, name, got, want)
			}
			times := m.Columns()
			for j, column := range columns {
				if want := column.At.UTC().Truncate(time.Millisecond); times[j] != want {
					t.Errorf("column %d is of %v, want %v", j, times[j], want)
				}
			}
			rows, n := m.Shape()
			if rows != len(want) || n != len(columns) || m.Series() != series || m.Node() != "n1" || m.Fanout() != nil {
				t.Errorf("shape %d x %d, series %d, node %q, fanout %v", rows, n, m.Series(), m.Node(), m.Fanout())
			}
			if age := time.Since(m.GeneratedAt()); age < 0 || age > time.Minute {
				t.Errorf("made %v ago", age)
			}
		}
	}
}

func TestAMatrixHasTheColumnsThatASnapshotHas(t *testing.T) {
	s := someTraffic(t, 3, 6)
	columns := s.Snapshot(time.Time{}, time.Time{})
	first, last := columns[1].At, columns[4].At
	for _, bounds := range [][2]time.Time{
		{}, {first, last}, {first, {}}, {{}, last}, {first, first}, {last, first}, {first.Add(1), last.Add(1)},
		{time.Unix(0, 0), {}}, {{}, time.Unix(0, 0)}, {time.Unix(-1<<40, 0), time.Unix(1<<40, 0)},
	} {
		want := s.Snapshot(bounds[0], bounds[1])
		query := MatrixQuery{From: bounds[0], To: bounds[1]}
		if _, n := must[*Matrix](t)(s.Matrix(query)).Shape(); n != len(want) {
			t.Errorf("%v: %d columns of the history, want %d", bounds, n, len(want))
		}
		if _, n := must[*Matrix](t)(MatrixFromColumns(columns, query)).Shape(); n != len(want) {
			t.Errorf("%v: %d columns of those kept, want %d", bounds, n, len(want))
		}
	}
}

func TestRowBudgets(t *testing.T) {
	s := someTraffic(t, 5, 4)
	query := MatrixQuery{Series: SeriesReadBytes}
	all := must[*Matrix](t)(s.Matrix(query))
	totals := func(m *Matrix) (perColumn, perRow []uint64) {
		for i := range m.Rows() {
			row := uint64(0)
			for j, value := range m.Values(i) {
				if len(perColumn) <= j {
					perColumn = append(perColumn, 0)
				}
				perColumn[j] += value
				row += value
			}
			perRow = append(perRow, row)
		}
		return perColumn, perRow
	}
	wantColumns, wantRows := totals(all)
	if len(wantRows) <= 5 {
		t.Fatal("too few rows to show anything")
	}

	query.Rows, query.Mode = 5, BudgetMerge
	merged := must[*Matrix](t)(s.Matrix(query))
	if columns, rows := totals(merged); !slices.Equal(columns, wantColumns) || len(rows) > 5 {
		t.Errorf("merged: %d rows, columns of %v, want %v", len(rows), columns, wantColumns)
	}
	if !slices.ContainsFunc(merged.all(), func(row pivoted) bool { return strings.HasPrefix(row.ID, "merged:") && row.Aggregate }) {
		t.Error("no row says that it is merged")
	}

	query.Mode = BudgetTop
	_, rows := totals(must[*Matrix](t)(s.Matrix(query)))
	slices.Sort(rows)
	slices.Sort(wantRows)
	if want := wantRows[len(wantRows)-5:]; !slices.Equal(rows, want) {
		t.Errorf("the top rows have %v, want %v", rows, want)
	}
}

func TestEveryFormOfAMatrixIsReadBack(t *testing.T) {
	for seed := range uint64(6) {
		s := someTraffic(t, seed, 5)
		series := Series(seed % 4)
		m := must[*Matrix](t)(s.Matrix(MatrixQuery{Series: series, Node: "here"}))
		want := m.all()

		text := must[[]byte](t)(m.JSON())
		ofJSON := must[*Matrix](t)(ParseMatrixJSON(text, MatrixLimits{}))
		if got := ofJSON.all(); !reflect.DeepEqual(got, want) || ofJSON.Series() != series || ofJSON.Node() != "here" {
			t.Errorf("of JSON: %+v, want %+v", got, want)
		}
		if !ofJSON.GeneratedAt().Equal(m.GeneratedAt()) {
			t.Errorf("made at %v, then %v", m.GeneratedAt(), ofJSON.GeneratedAt())
		}
		marshalled := must[[]byte](t)(json.Marshal(map[string]*Matrix{"m": m, "none": nil}))
		if !bytes.Contains(marshalled, append([]byte(`{"m":`), text[:50]...)) || !bytes.HasSuffix(marshalled, []byte(`"none":null}`)) {
			t.Errorf("marshalled: %.200s", marshalled)
		}

		message := must[[]byte](t)(m.Proto())
		ofProto := must[*Matrix](t)(ParseMatrixProto(message, series, MatrixLimits{}))
		if got := ofProto.all(); !reflect.DeepEqual(got, want) || ofProto.Series() != series {
			t.Errorf("of protobuf: %+v, want %+v", got, want)
		}
		if lines := bytes.Count(must[[]byte](t)(m.CSV()), []byte("\n")); lines != len(want)+1 {
			t.Errorf("%d lines of CSV, want one for each of %d rows and one above", lines, len(want))
		}
	}
}

// The library's golden files are this package's too.
func TestGoldenFilesStayThemselves(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("..", "..", "tests", "golden", "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, path := range paths {
		golden := must[[]byte](t)(os.ReadFile(path))
		m, err := ParseMatrixJSON(golden, MatrixLimits{})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if text := must[[]byte](t)(m.JSON()); !bytes.Equal(bytes.TrimSpace(golden), bytes.TrimSpace(text)) {
			t.Errorf("%s became\n%s", path, text)
		}
		message := must[[]byte](t)(os.ReadFile(strings.TrimSuffix(path, "json") + "pb"))
		if written := must[[]byte](t)(m.Proto()); !bytes.Equal(message, written) {
			t.Errorf("%s: the protobuf is another one", path)
		}
	}
}

func TestBadInputIsAnErrorThatSaysWhatKind(t *testing.T) {
	many := must[[]byte](t)(must[*Matrix](t)(someTraffic(t, 3, 3).Matrix(MatrixQuery{})).JSON())
	for name, c := range map[string]struct {
		run  func() (*Matrix, error)
		want error
	}{
		"no JSON":         {func() (*Matrix, error) { return ParseMatrixJSON(nil, MatrixLimits{}) }, ErrMalformed},
		"cut JSON":        {func() (*Matrix, error) { return ParseMatrixJSON(many[:len(many)/2], MatrixLimits{}) }, ErrMalformed},
		"deep JSON":       {func() (*Matrix, error) { return ParseMatrixJSON(bytes.Repeat([]byte{'['}, 1<<20), MatrixLimits{}) }, ErrMalformed},
		"too many bytes":  {func() (*Matrix, error) { return ParseMatrixJSON(many, MatrixLimits{MaxBytes: 100}) }, ErrTooLarge},
		"too many rows":   {func() (*Matrix, error) { return ParseMatrixJSON(many, MatrixLimits{MaxRows: 1}) }, ErrTooLarge},
		"too many cells":  {func() (*Matrix, error) { return ParseMatrixJSON(many, MatrixLimits{MaxCells: 2}) }, ErrTooLarge},
		"cut protobuf":    {func() (*Matrix, error) { return ParseMatrixProto([]byte{0x0a, 0x20}, SeriesReads, MatrixLimits{}) }, ErrMalformed},
		"no such series":  {func() (*Matrix, error) { return ParseMatrixProto(nil, 4, MatrixLimits{}) }, ErrInvalidArgument},
		"query's series":  {func() (*Matrix, error) { return MatrixFromColumns(nil, MatrixQuery{Series: 9}) }, ErrInvalidArgument},
		"query's mode":    {func() (*Matrix, error) { return MatrixFromColumns(nil, MatrixQuery{Mode: 7}) }, ErrInvalidArgument},
		"query's node":    {func() (*Matrix, error) { return MatrixFromColumns(nil, MatrixQuery{Node: "\xff"}) }, ErrInvalidArgument},
		"a label":         {func() (*Matrix, error) { return columnOf(MatrixRow{Label: "memcached"}) }, ErrInvalidArgument},
		"a sub-bucket":    {func() (*Matrix, error) { return columnOf(MatrixRow{SubBucket: 2, SubBucketCount: 2}) }, ErrInvalidArgument},
		"no sub-bucket":   {func() (*Matrix, error) { return columnOf(MatrixRow{SubBucket: -1}) }, ErrInvalidArgument},
		"a distant time":  {func() (*Matrix, error) { return MatrixFromColumns([]MatrixColumn{{}}, MatrixQuery{}) }, ErrInvalidArgument},
		"a merge's times": {func() (*Matrix, error) { _, err := NewMerge(MergeOptions{Mode: 3}); return nil, err }, ErrInvalidArgument},
	} {
		if m, err := c.run(); !errors.Is(err, c.want) || m != nil {
			t.Errorf("%s: %v, %v; want %v", name, m, err, c.want)
		} else if kind := strings.TrimPrefix(c.want.Error(), "keyviz: "); len(err.Error()) < len(c.want.Error())+10 ||
			strings.Count(err.Error(), kind) != 1 {
			t.Errorf("%s: %q says too little, or says it twice", name, err)
		}
	}
	m := must[*Matrix](t)(columnOf(MatrixRow{RouteID: 1}))
	for _, options := range []PNGOptions{{Width: -1}, {Height: 1 << 40}, {Width: 10_000}, {Scale: 5}} {
		if _, err := m.PNG(options); !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%+v: %v", options, err)
		}
	}
}

func columnOf(rows ...MatrixRow) (*Matrix, error) {
	return MatrixFromColumns([]MatrixColumn{{At: time.Unix(60, 0), Rows: rows}}, MatrixQuery{Series: SeriesWrites})
}

func TestColumnsMadeByHandMayLeaveCountsOut(t *testing.T) {
	rows := []MatrixRow{
		{RouteID: 1, Writes: math.MaxUint64},
		{RouteID: 2, Start: []byte("b"), Aggregate: true, MemberRoutes: []uint64{5, 6}, Writes: 1},
	}
	m := must[*Matrix](t)(columnOf(rows...))
	if single, virtual := m.Row(0), m.Row(1); single.ID != "route:1" || single.RouteCount != 1 ||
		virtual.RouteCount != 2 || !slices.Equal(virtual.RouteIDs, []uint64{5, 6}) || m.Values(0)[0] != math.MaxUint64 {
		t.Errorf("%+v, %+v, %v", single, virtual, m.Values(0))
	}
}

func TestSeriesHaveNames(t *testing.T) {
	for _, series := range []Series{SeriesReads, SeriesWrites, SeriesReadBytes, SeriesWriteBytes} {
		if back, err := ParseSeries(SeriesName(series)); back != series || err != nil {
			t.Errorf("%d: %q, %d, %v", series, SeriesName(series), back, err)
		}
		text := must[[]byte](t)(must[*Matrix](t)(MatrixFromColumns(nil, MatrixQuery{Series: series})).JSON())
		if !bytes.Contains(text, []byte(`"series":"`+SeriesName(series)+`"`)) {
			t.Errorf("JSON calls %s otherwise: %s", SeriesName(series), text)
		}
	}
	if _, err := ParseSeries("Reads"); !errors.Is(err, ErrInvalidArgument) || SeriesName(4) != "" {
		t.Error("there are more")
	}
}

func TestWhatTheLibrarySaysOfAMatrix(t *testing.T) {
	// Route 1's writes walk along four parts; route 2 bursts once; route 3 is idle, but for its reads; route 4 has as many
	// writes in either half.
	var columns []MatrixColumn
	for j := range 40 {
		column := MatrixColumn{At: time.Unix(int64(60*j), 0)}
		part := j / 10
		column.Rows = append(column.Rows, MatrixRow{
			RouteID: 1, Start: []byte{byte(16 * part)}, End: []byte{byte(16 * (part + 1))},
			SubBucket: part, SubBucketCount: 4, Writes: 1000,
		}, MatrixRow{RouteID: 3, Start: []byte("y"), Reads: 5})
		for half := range 2 {
			key := func(i int) []byte { return []byte{byte(0x40 + 8*i)} }
			column.Rows = append(column.Rows, MatrixRow{
				RouteID: 4, Start: key(half), End: key(half + 1), SubBucket: half, SubBucketCount: 2, Writes: 400,
			})
		}
		if j == 7 {
			column.Rows = append(column.Rows, MatrixRow{RouteID: 2, Label: LabelS3, Start: []byte("x"), End: []byte("y"), Writes: 30_000})
		}
		columns = append(columns, column)
	}
	m := must[*Matrix](t)(MatrixFromColumns(columns, MatrixQuery{Series: SeriesWrites, Mode: BudgetMerge}))
	verdicts := make(map[string]Verdict)
	for i, row := range m.Rows() {
		name, _, _ := strings.Cut(row.ID, "#")
		if before, ok := verdicts[name]; ok && before != m.Verdict(i) {
			t.Errorf("%s: %+v, and of another part %+v", name, before, m.Verdict(i))
		}
		verdicts[name] = m.Verdict(i)
	}
	for name, want := range map[string]Verdict{
		"route:1":    {Kind: VerdictMovingEdge, Measure: 3, Total: 40_000},
		"route:2:s3": {Kind: VerdictBurst, Measure: 1, Total: 30_000},
		"route:3":    {Kind: VerdictIdle},
		"route:4":    {Kind: VerdictEven, Measure: 0.5, Total: 32_000},
	} {
		got := verdicts[name]
		if got.Kind != want.Kind || math.Abs(got.Measure-want.Measure) > 1 || got.Total != want.Total || got.Period != 0 || got.Reason == "" {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	splits := m.Splits()
	if len(splits) != 3 || splits[0].RouteID != 1 || splits[0].Key != nil || !strings.Contains(splits[0].Reason, "moves on") ||
		splits[1].RouteID != 4 || string(splits[1].Key) != "H" || splits[1].Below != 0.5 || math.Abs(splits[1].Share-32./102) > 1e-9 {
		t.Errorf("splits %+v", splits)
	}
	if VerdictMovingEdge.String() != "moving edge" || VerdictIrregular.String() != "irregular" || VerdictKind(8).String() != "unknown" {
		t.Error("verdicts have other names")
	}
}

func TestPagesAndPictures(t *testing.T) {
	s := someTraffic(t, 4, 5)
	reads := must[*Matrix](t)(s.Matrix(MatrixQuery{}))
	writes := must[*Matrix](t)(s.Matrix(MatrixQuery{Series: SeriesWrites}))
	page := string(must[[]byte](t)(HeatmapPage("</script> & co", reads, writes, reads)))
	if !strings.HasPrefix(page, "<!") || strings.Contains(page, "</script> & co") || !strings.Contains(page, "& co") {
		t.Error("no page, or its title is markup")
	}
	for i, row := range reads.Rows() {
		if !strings.Contains(page, row.ID) {
			t.Errorf("row %d is not in the page", i)
		}
	}
	for _, c := range []struct {
		title    string
		matrices []*Matrix
		want     error
	}{{"", nil, ErrInvalidArgument}, {"\xff", []*Matrix{reads}, ErrInvalidArgument}, {"", []*Matrix{reads, nil}, ErrClosed}} {
		if _, err := HeatmapPage(c.title, c.matrices...); !errors.Is(err, c.want) {
			t.Errorf("%q, %d matrices: %v", c.title, len(c.matrices), err)
		}
	}

	live := string(must[[]byte](t)(LivePage(LivePageOptions{Title: "Traffic", MatrixURL: "the-matrix", HotKeysURL: "the-hot-keys", Rows: 77})))
	for _, part := range []string{"Traffic", "the-matrix", "the-hot-keys", "77"} {
		if !strings.Contains(live, part) {
			t.Errorf("the live page lacks %q", part)
		}
	}
	if _, err := LivePage(LivePageOptions{}); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("a live page without a URL: %v", err)
	}
	if policy := LivePagePolicy(); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "connect-src 'self'") {
		t.Errorf("policy %q", policy)
	}

	for _, options := range []PNGOptions{{}, {Width: 320, Height: 200, Scale: ScaleLinear}} {
		picture, err := png.Decode(bytes.NewReader(must[[]byte](t)(writes.PNG(options))))
		if err != nil {
			t.Fatal(err)
		}
		if size := picture.Bounds().Size(); options.Width != 0 && (size.X != 320 || size.Y != 200) {
			t.Errorf("%+v: a picture of %v", options, size)
		}
	}
}

func TestNodesOfAClusterMerge(t *testing.T) {
	// Two nodes, 3 s apart on a step of 60 s. Each leads a group; of group 2 both say something.
	at := func(node int) time.Time { return time.Unix(1_700_000_000+int64(node)*3, 0) }
	nodeOf := func(node int, rows ...MatrixRow) *Matrix {
		columns := []MatrixColumn{{At: at(node), Rows: rows}, {At: at(node).Add(time.Minute), Rows: rows[:1]}}
		return must[*Matrix](t)(MatrixFromColumns(columns, MatrixQuery{Series: SeriesWrites, Node: fmt.Sprintf("n%d", node)}))
	}
	row := func(id, group, term, writes uint64, label Label) MatrixRow {
		return MatrixRow{RouteID: id, Label: label, RaftGroupID: group, LeaderTerm: term, Writes: writes}
	}
	first := nodeOf(1, row(1, 1, 7, 100, LabelRedis), row(2, 2, 3, 50, LabelLegacy))
	second := nodeOf(2, row(1, 1, 8, 10, LabelRedis), row(2, 2, 3, 51, LabelLegacy))

	merge := must[*Merge](t)(NewMerge(MergeOptions{Series: SeriesWrites, NodesExpected: 4}))
	for i, c := range []struct {
		m       *Matrix
		counted bool
	}{{first, true}, {second, true}, {first, false}} {
		if counted := must[bool](t)(merge.Add(c.m, "ignored")); counted != c.counted {
			t.Errorf("source %d counted: %v", i, counted)
		}
	}
	if err := merge.AddFailure("n3", "connection refused"); err != nil {
		t.Error(err)
	}
	if _, err := merge.Add(must[*Matrix](t)(MatrixFromColumns(nil, MatrixQuery{})), ""); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("another series: %v", err)
	}
	if _, err := merge.Add(nil, ""); !errors.Is(err, ErrClosed) {
		t.Errorf("no matrix: %v", err)
	}
	first.Close()
	merged := must[*Matrix](t)(merge.Finish())

	if times := merged.Columns(); len(times) != 2 {
		t.Fatalf("%d columns: %v", len(times), times)
	}
	if values := merged.Values(0); !slices.Equal(values, []uint64{110, 110}) || merged.Row(0).Label != LabelRedis {
		t.Errorf("two terms: %v, %+v", values, merged.Row(0))
	}
	if groups, terms := merged.Identities(0); !slices.Equal(groups, []uint64{1, 1}) || !slices.Equal(terms, []uint64{7, 7}) {
		t.Errorf("led by %v, %v", groups, terms)
	}
	if values, conflicts := merged.Values(1), merged.Conflicts(1); !slices.Equal(values, []uint64{51, 0}) ||
		!slices.Equal(conflicts, []bool{true, false}) || !merged.Row(1).Conflict {
		t.Errorf("a conflict: %v, %v, %+v", values, conflicts, merged.Row(1))
	}
	if merged.Conflicts(0) != nil || merged.Row(0).Conflict {
		t.Error("a conflict where there is none")
	}
	want := &Fanout{Responded: 2, Expected: 4, Nodes: []FanoutNode{
		{Node: "n1", OK: true}, {Node: "n2", OK: true}, {Node: "n3", Error: "connection refused"},
	}}
	if got := merged.Fanout(); !reflect.DeepEqual(got, want) {
		t.Errorf("fanout %+v, want %+v", got, want)
	}

	if _, err := merge.Add(second, ""); !errors.Is(err, ErrClosed) {
		t.Errorf("added after the end: %v", err)
	}
	if m, err := merge.Finish(); !errors.Is(err, ErrClosed) || m != nil {
		t.Errorf("finished twice: %v, %v", m, err)
	}
	if err := merge.AddFailure("n4", "late"); !errors.Is(err, ErrClosed) {
		t.Errorf("failed after the end: %v", err)
	}
}

func TestTheColumnToleranceOfAMerge(t *testing.T) {
	nodeOf := func(at ...int64) *Matrix {
		var columns []MatrixColumn
		for _, at := range at {
			columns = append(columns, MatrixColumn{At: time.Unix(at, 0), Rows: []MatrixRow{{RouteID: 1, Reads: 1}}})
		}
		return must[*Matrix](t)(MatrixFromColumns(columns, MatrixQuery{}))
	}
	for tolerance, want := range map[time.Duration]int{0: 2, -1: 4, 4 * time.Second: 4, 5 * time.Second: 2} {
		merge := must[*Merge](t)(NewMerge(MergeOptions{ColumnTolerance: tolerance}))
		for i, m := range []*Matrix{nodeOf(1000, 1060), nodeOf(1005, 1065)} {
			must[bool](t)(merge.Add(m, fmt.Sprint(i)))
		}
		if _, columns := must[*Matrix](t)(merge.Finish()).Shape(); columns != want {
			t.Errorf("%v: %d columns, want %d", tolerance, columns, want)
		}
	}
}

func TestNilAndClosedMatricesHaveNothing(t *testing.T) {
	closed := must[*Matrix](t)(columnOf(MatrixRow{RouteID: 1}))
	closed.Close()
	closed.Close()
	for name, m := range map[string]*Matrix{"nil": nil, "closed": closed, "zero": {}} {
		rows, columns := m.Shape()
		groups, terms := m.Identities(0)
		if rows+columns+len(m.Columns())+len(m.Values(0))+len(m.Conflicts(0))+len(groups)+len(terms) != 0 ||
			m.Fanout() != nil || m.Node() != "" || !m.GeneratedAt().IsZero() || m.Row(0).ID != "" || m.Series() != 0 || m.Verdict(0) != (Verdict{}) || m.Splits() != nil {
			t.Errorf("%s: there is something", name)
		}
		for i := range m.Rows() {
			t.Errorf("%s: row %d", name, i)
		}
		for form, write := range map[string]func() ([]byte, error){
			"JSON": m.JSON, "protobuf": m.Proto, "CSV": m.CSV, "PNG": func() ([]byte, error) { return m.PNG(PNGOptions{}) },
			"page": func() ([]byte, error) { return HeatmapPage("", m) },
		} {
			if written, err := write(); !errors.Is(err, ErrClosed) || written != nil {
				t.Errorf("%s, %s: %q, %v", name, form, written, err)
			}
		}
		m.Close()
	}
	var none *Merge
	if _, err := none.Finish(); !errors.Is(err, ErrClosed) {
		t.Errorf("a nil merge: %v", err)
	}
	none.Close()

	var off *MemSampler
	stopped, _ := newTestSampler(t, MemSamplerOptions{})
	stopped.Close()
	for _, s := range []*MemSampler{off, stopped} {
		if m, err := s.Matrix(MatrixQuery{}); !errors.Is(err, ErrDisabled) || m != nil {
			t.Errorf("of no sampler: %v, %v", m, err)
		}
	}
	one := must[*Matrix](t)(columnOf(MatrixRow{RouteID: 1}))
	for _, i := range []int{-1, 1, math.MaxInt} {
		if groups, _ := one.Identities(i); one.Row(i).ID != "" || one.Values(i) != nil || groups != nil || one.Verdict(i) != (Verdict{}) {
			t.Errorf("there is a row %d", i)
		}
	}
}

// Everything that a matrix and a merge can do, while another goroutine closes them.
func TestCloseBesideEveryMethodOfAMatrix(t *testing.T) {
	s := someTraffic(t, 1, 4)
	for round := range 40 {
		m := must[*Matrix](t)(s.Matrix(MatrixQuery{}))
		merge := must[*Merge](t)(NewMerge(MergeOptions{}))
		want := m.all()
		var closed atomic.Bool
		var all sync.WaitGroup
		for _, method := range []func(){
			func() {
				for i, row := range m.all() {
					if row.values != nil && !slices.Equal(row.values, want[i].values) {
						t.Error("values that it never had")
					}
				}
			},
			func() { m.JSON(); m.Fanout(); m.Verdict(0); m.Splits() },
			func() { m.Proto(); m.Columns() },
			func() { m.PNG(PNGOptions{}) },
			func() { HeatmapPage("", m, m) },
			func() { merge.Add(m, ""); merge.AddFailure("n", "why") },
			func() {
				if m, err := merge.Finish(); err == nil {
					m.Close()
				}
			},
		} {
			all.Add(1)
			go func() {
				defer all.Done()
				for i := 0; !closed.Load() || i < 3; i++ {
					method()
				}
			}()
		}
		time.Sleep(time.Duration(round%5) * 100 * time.Microsecond)
		m.Close()
		merge.Close()
		closed.Store(true)
		all.Wait()
	}
}

// Matrices and merges that nobody closes go with their last reference.
func TestDroppedMatricesAreFreed(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	s, clock := newTestSampler(t, MemSamplerOptions{})
	s.RegisterRoute(1, nil, nil, 0)
	for range 2000 {
		s.Observe(1, nil, OpRead, 1, LabelLegacy)
		clock.Advance(time.Minute)
		s.Flush()
	}
	var before uint64
	for i := range n {
		m := must[*Matrix](t)(s.Matrix(MatrixQuery{})) // 1440 columns: 32 KiB or more
		merge := must[*Merge](t)(NewMerge(MergeOptions{}))
		must[bool](t)(merge.Add(m, "n"))
		switch i % 4 {
		case 0:
			m.Close()
		case 1:
			must[*Matrix](t)(merge.Finish())
		case 2:
			merge.Close()
			must[[]byte](t)(m.JSON())
		}
		if i%50 == 49 {
			runtime.GC()
		}
		if i == n/5 {
			before = residentBytes(t)
		}
	}
	for range 10 {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	if after := residentBytes(t); after > before+16<<20 {
		t.Errorf("%d MiB resident after a fifth, %d MiB after all", before>>20, after>>20)
	}
}

// The collector runs all the time, and nothing but the calls keeps the matrices alive.
func TestMatricesBesideTheCollector(t *testing.T) {
	s := someTraffic(t, 2, 3)
	want := maps.Collect(must[*Matrix](t)(s.Matrix(MatrixQuery{})).Rows())
	var done atomic.Bool
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		for !done.Load() {
			runtime.GC()
		}
	}()
	for range 200 {
		if got := maps.Collect(must[*Matrix](t)(s.Matrix(MatrixQuery{})).Rows()); !reflect.DeepEqual(got, want) {
			t.Error("other rows")
		}
		must[[]byte](t)(must[*Matrix](t)(s.Matrix(MatrixQuery{})).JSON())
		merge := must[*Merge](t)(NewMerge(MergeOptions{}))
		must[bool](t)(merge.Add(must[*Matrix](t)(s.Matrix(MatrixQuery{})), "n"))
		must[*Matrix](t)(merge.Finish())
	}
	done.Store(true)
	<-collected
}
