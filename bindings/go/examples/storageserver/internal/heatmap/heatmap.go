// Package heatmap writes columns as the library's heatmap: a page with all
// series, and a picture of one.
package heatmap

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

// Output says where a heatmap goes.
type Output struct {
	Page    string        // file; the folders above it are made
	Picture string        // the same; empty: no picture
	Series  keyviz.Series // the one of the picture, and first on the page
}

// Write writes the page, and the picture if one is asked for.
func Write(out Output, title string, columns []keyviz.MatrixColumn) (err error) {
	var matrices []*keyviz.Matrix
	defer func() {
		for _, m := range matrices {
			m.Close()
		}
	}()
	for _, series := range order(out.Series) {
		m, err := keyviz.MatrixFromColumns(columns, keyviz.MatrixQuery{Series: series, Mode: keyviz.BudgetMerge})
		if err != nil {
			return err
		}
		matrices = append(matrices, m)
	}
	page, err := keyviz.HeatmapPage(title, matrices...)
	if err != nil {
		return err
	}
	if err := writeFile(out.Page, page); err != nil || out.Picture == "" {
		return err
	}
	picture, err := matrices[0].PNG(keyviz.PNGOptions{})
	return errors.Join(err, writeFile(out.Picture, picture))
}

// order is all series, with this one first.
func order(first keyviz.Series) []keyviz.Series {
	series := []keyviz.Series{first}
	for _, other := range []keyviz.Series{
		keyviz.SeriesWrites, keyviz.SeriesReads, keyviz.SeriesWriteBytes, keyviz.SeriesReadBytes,
	} {
		if other != first {
			series = append(series, other)
		}
	}
	return series
}

// String says where the heatmap is.
func (o Output) String() string {
	if o.Picture == "" {
		return "heatmap: " + o.Page
	}
	return fmt.Sprintf("heatmap: %s\npicture: %s (%s)", o.Page, o.Picture, keyviz.SeriesName(o.Series))
}

func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
