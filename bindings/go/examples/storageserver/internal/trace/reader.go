// Package trace reads traffic traces: CSV with one row per access, as it is or
// compressed, and the totals that a trace is known to have.
package trace

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

var header = []string{"ts_ms", "label", "op", "key", "key_len", "value_len"}

const (
	columnTime = iota
	columnLabel
	columnOp
	columnKey
	columnKeyLen
	columnValueLen
)

// extensions are the file names that Open takes, longest first.
var extensions = []string{".csv.zst", ".csv.gz", ".csv"}

// Row is one access.
type Row struct {
	TimeMS   int64 // milliseconds since the trace's own zero, never negative
	Label    keyviz.Label
	Op       keyviz.Op
	Key      []byte // valid until the next call of Next
	ValueLen int    // bytes
}

// Reader reads one trace from start to end, a row at a time.
type Reader struct {
	path   string
	file   *os.File
	csv    *csv.Reader
	close  func()
	line   int // of the last row read
	key    []byte
	lastMS int64
}

// Open opens a trace whose name ends in .csv, .csv.gz or .csv.zst, and checks
// its header line. What is read from the file, compressed bytes that is, is
// also written to progress, unless that is nil.
func Open(path string, progress io.Writer) (*Reader, error) {
	extension, ok := extensionOf(path)
	if !ok {
		return nil, fmt.Errorf("%s: a trace's name ends in %s", path, strings.Join(extensions, ", "))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := &Reader{path: path, file: file, close: func() {}}
	var source io.Reader = file
	if progress != nil {
		source = io.TeeReader(file, progress)
	}
	if err := r.start(source, extension); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Reader) start(source io.Reader, extension string) error {
	switch extension {
	case ".csv.zst":
		decoder, err := zstd.NewReader(source, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return r.errorAt(1, err)
		}
		source, r.close = decoder, decoder.Close
	case ".csv.gz":
		decoder, err := gzip.NewReader(source)
		if err != nil {
			return r.errorAt(1, err)
		}
		source = decoder
	}
	r.csv = csv.NewReader(source)
	r.csv.FieldsPerRecord = len(header)
	r.csv.ReuseRecord = true
	fields, err := r.csv.Read()
	switch {
	case errors.Is(err, io.EOF):
		return r.errorAt(1, errors.New("no header line"))
	case err != nil:
		return r.wrap(err)
	case !slices.Equal(fields, header):
		return r.errorAt(1, fmt.Errorf("the header line must be %s", strings.Join(header, ",")))
	}
	r.line, _ = r.csv.FieldPos(0)
	return nil
}

// Next returns the next row, or io.EOF after the last one. Every other error
// names the file and the line.
func (r *Reader) Next() (Row, error) {
	fields, err := r.csv.Read()
	if err != nil {
		return Row{}, r.wrap(err)
	}
	r.line, _ = r.csv.FieldPos(0)
	row, err := r.parse(fields)
	if err != nil {
		return Row{}, r.errorAt(r.line, err)
	}
	return row, nil
}

// Close closes the file.
func (r *Reader) Close() error {
	r.close()
	return r.file.Close()
}

func (r *Reader) parse(fields []string) (Row, error) {
	timeMS, err := strconv.ParseInt(fields[columnTime], 10, 64)
	if err != nil || timeMS < 0 {
		return Row{}, fmt.Errorf("ts_ms %q is no time in milliseconds", fields[columnTime])
	}
	if timeMS < r.lastMS {
		return Row{}, fmt.Errorf("ts_ms goes back from %d to %d", r.lastMS, timeMS)
	}
	r.lastMS = timeMS

	label := keyviz.Label(fields[columnLabel])
	if !slices.Contains(keyviz.AllLabels[:], label) {
		return Row{}, fmt.Errorf("unknown label %q", fields[columnLabel])
	}
	var op keyviz.Op
	switch fields[columnOp] {
	case "r":
		op = keyviz.OpRead
	case "w":
		op = keyviz.OpWrite
	default:
		return Row{}, fmt.Errorf("op %q is neither r nor w", fields[columnOp])
	}

	key := fields[columnKey]
	if i := strings.IndexFunc(key, func(c rune) bool { return c < 0x21 || c > 0x7e }); i >= 0 {
		return Row{}, fmt.Errorf("key %q has a byte that should be escaped, at %d", key, i)
	}
	keyLen, err := strconv.Atoi(fields[columnKeyLen])
	if err != nil || keyLen != len(key) {
		return Row{}, fmt.Errorf("key_len %q is not the length of key %q", fields[columnKeyLen], key)
	}
	valueLen, err := strconv.Atoi(fields[columnValueLen])
	if err != nil || valueLen < 0 {
		return Row{}, fmt.Errorf("value_len %q is no length in bytes", fields[columnValueLen])
	}
	r.key = append(r.key[:0], key...)
	return Row{TimeMS: timeMS, Label: label, Op: op, Key: r.key, ValueLen: valueLen}, nil
}

// wrap gives an error of the CSV reader or of a decoder its place.
func (r *Reader) wrap(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	var syntax *csv.ParseError
	if errors.As(err, &syntax) {
		return r.errorAt(syntax.Line, syntax.Err)
	}
	return r.errorAt(r.line+1, err)
}

func (r *Reader) errorAt(line int, err error) error {
	return fmt.Errorf("%s:%d: %w", r.path, line, err)
}

// Find returns the traces in a directory, sorted by name.
func Find(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, entry := range entries {
		if _, ok := extensionOf(entry.Name()); ok && !entry.IsDir() {
			paths = append(paths, filepath.Join(dir, entry.Name()))
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: no trace (%s) in it", dir, strings.Join(extensions, ", "))
	}
	return paths, nil
}

func extensionOf(path string) (string, bool) {
	for _, extension := range extensions {
		if strings.HasSuffix(path, extension) {
			return extension, true
		}
	}
	return "", false
}
