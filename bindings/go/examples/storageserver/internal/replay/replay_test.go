package replay

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/heatmap"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/trace"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

// generate writes a random trace of one label over [firstMS, lastMS], and
// returns what each of n columns must hold, computed as it writes.
func generate(t *testing.T, dir string, label keyviz.Label, firstMS, lastMS int64, rows, n int) (path string, truth []traffic.Counters) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(rows), uint64(firstMS)))
	truth = make([]traffic.Counters, n)
	var text strings.Builder
	text.WriteString("ts_ms,label,op,key,key_len,value_len\n")
	for i := range rows {
		// The first and the last row lie on the ends of the span.
		at := firstMS + (lastMS-firstMS)*int64(i)/int64(rows-1)
		key := fmt.Sprintf("key%d", rng.IntN(5000))
		valueLen := int(rng.Int64N(1 << 40))
		cell := &truth[(at-firstMS)*int64(n)/(lastMS-firstMS+1)]
		op := "r"
		if rng.IntN(3) == 0 {
			op = "w"
			cell.Writes++
			cell.WriteBytes += uint64(len(key) + valueLen)
		} else {
			cell.Reads++
			cell.ReadBytes += uint64(len(key) + valueLen)
		}
		fmt.Fprintf(&text, "%d,%s,%s,%s,%d,%d\n", at, label, op, key, len(key), valueLen)
	}
	path = filepath.Join(dir, string(label)+".csv")
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path, truth
}

func TestEachColumnHoldsItsPartOfEachTrace(t *testing.T) {
	dir := t.TempDir()
	const columns = 17
	truths := make(map[keyviz.Label][]traffic.Counters)
	var paths []string
	for i, label := range keyviz.AllLabels {
		first := int64(i) * 1_000_000
		path, truth := generate(t, dir, label, first, first+int64(1000*(i+1)), 3000+i, columns)
		paths = append(paths, path)
		truths[label] = truth
	}
	result, err := Run(paths, Options{Columns: columns, KeyBuckets: 8}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Columns) != columns {
		t.Fatalf("%d columns, want %d", len(result.Columns), columns)
	}
	for j, column := range result.Columns {
		want := make(traffic.ByLabel)
		for label, truth := range truths {
			want[label] = truth[j]
		}
		for _, diff := range traffic.Diff(want, traffic.SumLabels([]keyviz.MatrixColumn{column})) {
			t.Errorf("column %d: %s", j, diff)
		}
		if j > 0 && !column.WindowStart.Equal(result.Columns[j-1].At) {
			t.Errorf("column %d begins at %v, the one before ends at %v", j, column.WindowStart, result.Columns[j-1].At)
		}
	}
	if diffs := result.Verify(); len(diffs) > 0 {
		t.Error(diffs)
	}
}

func TestTheRouteIsTheRangeOfAllKeys(t *testing.T) {
	dir := t.TempDir()
	for name, keys := range map[string][]string{"a.csv": {"k", "b", "j"}, "b.csv": {"zz", "m"}, "c.csv": nil} {
		text := "ts_ms,label,op,key,key_len,value_len\n"
		for i, key := range keys {
			text += fmt.Sprintf("%d,redis,r,%s,%d,0\n", i, key, len(key))
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	paths, err := trace.Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	result, err := Run(paths, Options{Columns: 1, KeyBuckets: 25}, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := result.Columns[0].Rows
	if first, last := rows[0], rows[len(rows)-1]; string(first.Start) != "b" || string(last.End) != "zz\x00" || len(rows) != 5 {
		t.Errorf("%d parts from %q to %q", len(rows), first.Start, last.End)
	}
}

func TestATraceOfOneMomentIsInTheFirstColumn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.csv")
	text := "ts_ms,label,op,key,key_len,value_len\n9,redis,r,k,1,1\n9,redis,w,k,1,1\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	result, err := Run([]string{path}, Options{Columns: 3}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, diff := range traffic.Diff(
		traffic.ByLabel{keyviz.LabelRedis: {Reads: 1, Writes: 1, ReadBytes: 2, WriteBytes: 2}},
		traffic.SumLabels(result.Columns[:1])) {
		t.Error(diff)
	}
}

func TestColumnsOfTheLongestSpan(t *testing.T) {
	const last = 1<<63 - 1
	s := span{firstMS: 0, lastMS: last}
	for _, c := range []struct {
		timeMS int64
		want   int
	}{{0, 0}, {last / 2, 49_999}, {last/2 + 1, 50_000}, {last, 99_999}} {
		if got := s.column(c.timeMS, 100_000); got != c.want {
			t.Errorf("column of %d: %d, want %d", c.timeMS, got, c.want)
		}
	}
}

func TestADifferenceFromTheTruthFileIsTold(t *testing.T) {
	dir := t.TempDir()
	path, _ := generate(t, dir, keyviz.LabelS3, 0, 1000, 100, 1)
	result, err := Run([]string{path}, Options{Columns: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	counts := result.Files[0].Counts[keyviz.LabelS3]
	truth := fmt.Sprintf(`{"label": "s3", "rows": 101, "reads": {"count": %d, "bytes": %d}, "writes": {"count": %d, "bytes": %d}}`,
		counts.Reads+1, counts.ReadBytes, counts.Writes, counts.WriteBytes)
	if err := os.WriteFile(filepath.Join(dir, "s3.truth.json"), []byte(truth), 0o644); err != nil {
		t.Fatal(err)
	}
	if result, err = Run([]string{path}, Options{Columns: 1}, nil); err != nil {
		t.Fatal(err)
	}
	diffs := result.Verify()
	if len(diffs) != 2 || !strings.Contains(diffs[0], "101 rows") || !strings.Contains(diffs[1], `label "s3", reads`) {
		t.Errorf("differences: %q", diffs)
	}
	err = Command([]string{path}, Options{Columns: 1}, heatmap.Output{Page: filepath.Join(dir, "page.html")}, new(strings.Builder))
	if err == nil || !strings.Contains(err.Error(), "differ") {
		t.Errorf("the command ended with %v", err)
	}
}

func TestColumnsOutOfRangeAreRefused(t *testing.T) {
	for _, columns := range []int{-1, 0, keyviz.MaxHistoryColumns + 1} {
		if _, err := Run(nil, Options{Columns: columns}, nil); err == nil {
			t.Errorf("%d columns: no error", columns)
		}
	}
}

// sharedTraces returns the traces beside the repository, or in $KEYVIZ_TRACES.
func sharedTraces(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("KEYVIZ_TRACES")
	if dir == "" {
		// From this package up to the module, to the repository, and beside it.
		dir = filepath.Join("..", "..", "..", "..", "..", "..", "..", "shared", "traces")
	}
	paths, err := trace.Find(dir)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the shared traces are needed in CI: %v", err)
		}
		t.Skipf("the shared traces are not here, set KEYVIZ_TRACES: %v", err)
	}
	return paths
}

func TestSharedTracesGiveTheirTruthPerMinute(t *testing.T) {
	for _, path := range sharedTraces(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			truth, err := trace.LoadTruth(path)
			if err != nil {
				t.Fatal(err)
			}
			if truth == nil {
				t.Fatal("no truth file")
			}
			columns := playMinutes(t, path)
			got := make(trace.Minutes)
			total := make(traffic.ByLabel)
			for _, column := range columns {
				sums := traffic.SumLabels([]keyviz.MatrixColumn{column})
				if len(sums) == 0 {
					continue
				}
				minute := column.WindowStart.UnixMilli() / 60_000
				got[minute] = sums[truth.Label]
				for label, c := range sums {
					total.Add(label, c)
				}
			}
			for minute, want := range truth.Minutes {
				if got[minute] != want {
					t.Errorf("minute %d: %+v, want %+v", minute, got[minute], want)
				}
			}
			if len(got) != len(truth.Minutes) {
				t.Errorf("%d minutes with traffic, want %d", len(got), len(truth.Minutes))
			}
			for _, diff := range traffic.Diff(traffic.ByLabel{truth.Label: truth.Counters()}, total) {
				t.Error(diff)
			}
		})
	}
}

func TestSharedTracesTogetherGiveTheirTruth(t *testing.T) {
	paths := sharedTraces(t)
	result, err := Run(paths, Options{Columns: 60, KeyBuckets: 64}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, diff := range result.Verify() {
		t.Error(diff)
	}
	for _, file := range result.Files {
		if file.Truth == nil {
			t.Errorf("%s: no truth file", file.Path)
		}
	}
}
