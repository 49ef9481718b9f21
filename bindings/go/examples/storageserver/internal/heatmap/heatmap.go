// Package heatmap writes columns as one HTML page that needs nothing else: no
// network, no other file. Rows are (route, label), time goes across.
package heatmap

import (
	"bufio"
	_ "embed"
	"errors"
	"html/template"
	"io"
	"os"
	"path/filepath"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

// Options say what stands around the heatmap.
type Options struct {
	Title    string
	Subtitle string
	// Scaled columns are numbered, because their times mean nothing.
	Scaled bool
}

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string

	page = template.Must(template.New("page").Parse(pageHTML))
)

// Write writes the page. Labels, keys and titles are untrusted: they reach the
// page escaped, as JSON or as text.
func Write(w io.Writer, options Options, columns []keyviz.MatrixColumn) error {
	return page.Execute(w, struct {
		Options
		CSS  template.CSS
		JS   template.JS
		Data data
	}{options, template.CSS(pageCSS), template.JS(pageJS), pivot(options, columns)})
}

// WriteFile writes the page to a file and makes the folders above it.
func WriteFile(path string, options Options, columns []keyviz.MatrixColumn) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := bufio.NewWriter(file)
	if err := Write(w, options, columns); err != nil {
		return err
	}
	return w.Flush()
}
