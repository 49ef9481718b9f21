package heatmap

import (
	"bytes"
	"encoding/json"
	"math"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)

func rowOf(label keyviz.Label, n uint64) keyviz.MatrixRow {
	return keyviz.MatrixRow{
		RouteID: 1, Label: label, SubBucketCount: 1,
		Reads: n, Writes: n + 1, ReadBytes: n + 2, WriteBytes: n + 3,
	}
}

func column(j int, rows ...keyviz.MatrixRow) keyviz.MatrixColumn {
	at := start.Add(time.Duration(j+1) * time.Second)
	return keyviz.MatrixColumn{WindowStart: at.Add(-time.Second), At: at, Rows: rows}
}

// embedded writes a page and reads its data back as the page's script does.
func embedded(t *testing.T, options Options, columns []keyviz.MatrixColumn) (page string, d data) {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, options, columns); err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?s)<script id="data" type="application/json">(.*?)</script>`).FindStringSubmatch(b.String())
	if found == nil {
		t.Fatal("no data in the page")
	}
	if err := json.Unmarshal([]byte(found[1]), &d); err != nil {
		t.Fatalf("%v in %s", err, found[1])
	}
	return b.String(), d
}

func TestTheDataRoundTrips(t *testing.T) {
	const most = math.MaxUint64 - 3 // no float holds it
	_, d := embedded(t, Options{}, []keyviz.MatrixColumn{
		column(0, rowOf(keyviz.LabelRedis, 10)),
		column(1),
		column(2, rowOf(keyviz.LabelRedis, most), rowOf(keyviz.LabelLegacy, 20)),
	})
	want := data{
		Columns: []window{
			{start.UnixMilli(), start.UnixMilli() + 1000},
			{start.UnixMilli() + 1000, start.UnixMilli() + 2000},
			{start.UnixMilli() + 2000, start.UnixMilli() + 3000},
		},
		Rows: []row{
			{Name: "route:1", Reads: []string{"0", "0", "20"}, Writes: []string{"0", "0", "21"},
				ReadBytes: []string{"0", "0", "22"}, WriteBytes: []string{"0", "0", "23"}},
			{Name: "route:1 / redis",
				Reads:      []string{"10", "0", "18446744073709551612"},
				Writes:     []string{"11", "0", "18446744073709551613"},
				ReadBytes:  []string{"12", "0", "18446744073709551614"},
				WriteBytes: []string{"13", "0", "18446744073709551615"}},
		},
	}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("the page holds\n%+v\nwant\n%+v", d, want)
	}
}

func TestHostileTextsStayTexts(t *testing.T) {
	const attack = `</script><script>alert(1)</script><!--"'&` + "\u2028"
	hostile := rowOf(attack, 1)
	hostile.Start, hostile.End = []byte(attack+"\x00\xff"), []byte{0xff}
	page, d := embedded(t, Options{Title: attack, Subtitle: attack}, []keyviz.MatrixColumn{column(0, hostile)})
	if strings.Contains(page, "alert(1)</script>") || strings.Contains(page, "<!--") {
		t.Error("a text got into the markup")
	}
	if n := strings.Count(page, "<script"); n != 2 {
		t.Errorf("%d scripts, want the data and the page's own", n)
	}
	if got := d.Rows[0].Name; got != "route:1 / "+attack {
		t.Errorf("name %q", got)
	}
	if got := d.Rows[0].End; got != `"\xff"` {
		t.Errorf("end %q", got)
	}
}

func TestThePageAsksNothingOfTheNetwork(t *testing.T) {
	page, _ := embedded(t, Options{}, nil)
	if found := regexp.MustCompile(`(?i)https?:|\bsrc=|\bhref=|url\(|@import|\bfetch\(|XMLHttpRequest`).FindString(page); found != "" {
		t.Errorf("the page has %q in it", found)
	}
}

func TestSubBucketsAndAggregatesAreRowsOfTheirOwn(t *testing.T) {
	upper, lower, virtual := rowOf(keyviz.LabelS3, 1), rowOf(keyviz.LabelS3, 2), rowOf(keyviz.LabelLegacy, 3)
	lower.SubBucketCount, lower.End = 2, []byte("m")
	upper.SubBucketCount, upper.SubBucket, upper.Start = 2, 1, []byte("m")
	virtual.Aggregate, virtual.RouteID, virtual.Start = true, math.MaxUint64, []byte("x")
	_, d := embedded(t, Options{}, []keyviz.MatrixColumn{column(0, virtual, upper, lower)})
	var names []string
	for _, r := range d.Rows {
		names = append(names, r.Name)
	}
	want := []string{"route:1#0 / s3", "route:1#1 / s3", "virtual:18446744073709551615"}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("rows %q, want %q", names, want)
	}
}

func TestTheFileGetsItsFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "page.html")
	if err := WriteFile(path, Options{}, nil); err != nil {
		t.Fatal(err)
	}
}
