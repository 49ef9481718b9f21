package heatmap

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

func TestThePageHasEverySeriesAndThePictureTheOneAskedFor(t *testing.T) {
	columns := []keyviz.MatrixColumn{{
		At: time.Unix(1_700_000_000, 0),
		Rows: []keyviz.MatrixRow{
			{RouteID: 1, Label: keyviz.LabelRedis, Reads: 1_000_001, Writes: 1_000_002, ReadBytes: 1_000_003, WriteBytes: 1_000_004},
		},
	}}
	dir := filepath.Join(t.TempDir(), "a", "b")
	out := Output{Page: filepath.Join(dir, "page.html"), Picture: filepath.Join(dir, "picture.png"), Series: keyviz.SeriesReads}
	if err := Write(out, "<Title>", columns); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(out.Page)
	if err != nil {
		t.Fatal(err)
	}
	last := -1
	for _, part := range []string{`"reads"`, "1000001", `"writes"`, "1000002", "1000004", "1000003"} {
		at := bytes.LastIndex(page, []byte(part))
		if at < last {
			t.Errorf("%s is not in the page, or not in its place", part)
		}
		if !strings.HasPrefix(part, `"`) {
			last = at
		}
	}
	if bytes.Contains(page, []byte("<Title>")) || !bytes.Contains(page, []byte("route:1:redis")) {
		t.Error("the title is markup, or the row is not there")
	}
	picture, err := os.ReadFile(out.Picture)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
		t.Error(err)
	}
	for _, path := range []string{out.Page, out.Picture} {
		if !strings.Contains(out.String(), path) {
			t.Errorf("%q doesn't say where %s is", out, path)
		}
	}
}
