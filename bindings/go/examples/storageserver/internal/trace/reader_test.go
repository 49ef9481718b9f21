package trace_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/trace"
)

const headerLine = "ts_ms,label,op,key,key_len,value_len\n"

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// readAll returns the number of rows before the first error, nil at the end.
func readAll(path string) (rows int, err error) {
	r, err := trace.Open(path, nil)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	for {
		_, err := r.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows++
	}
}

func zstdOf(t *testing.T, data string) []byte {
	t.Helper()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return encoder.EncodeAll([]byte(data), nil)
}

func TestRowsComeAsWritten(t *testing.T) {
	// The value length needs more than 32 bits.
	text := headerLine + "5,s3,r,/a%2Cb,6,8589934592\n7,sqs,w,q,1,0\n"
	var gzipped bytes.Buffer
	w := gzip.NewWriter(&gzipped)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"t.csv":     []byte(text),
		"t.csv.gz":  gzipped.Bytes(),
		"t.csv.zst": zstdOf(t, text),
	} {
		r, err := trace.Open(write(t, name, data), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		first, err := r.Next()
		if err != nil || first.TimeMS != 5 || first.Label != keyviz.LabelS3 || first.Op != keyviz.OpRead ||
			string(first.Key) != "/a%2Cb" || first.ValueLen != 8589934592 {
			t.Errorf("%s: first row %+v, %v", name, first, err)
		}
		second, err := r.Next()
		if err != nil || second.TimeMS != 7 || second.Label != keyviz.LabelSQS || second.Op != keyviz.OpWrite ||
			string(second.Key) != "q" || second.ValueLen != 0 {
			t.Errorf("%s: second row %+v, %v", name, second, err)
		}
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: after the last row: %v", name, err)
		}
	}
}

func TestBadRowsAreErrorsWithFileAndLine(t *testing.T) {
	const good = "5,s3,r,key,3,10\n"
	for _, c := range []struct{ row, where, what string }{
		{"x,s3,r,key,3,10\n", "t.csv:3:", "ts_ms"},
		{"-1,s3,r,key,3,10\n", "t.csv:3:", "ts_ms"},
		{"4,s3,r,key,3,10\n", "t.csv:3:", "goes back from 5 to 4"},
		{"6,ftp,r,key,3,10\n", "t.csv:3:", `unknown label "ftp"`},
		{"6,,r,key,3,10\n", "t.csv:3:", `unknown label ""`},
		{"6,s3,d,key,3,10\n", "t.csv:3:", `op "d"`},
		{"6,s3,r,key,4,10\n", "t.csv:3:", "key_len"},
		{"6,s3,r,k y,3,10\n", "t.csv:3:", "escaped"},
		{"6,s3,r,k\xff,2,10\n", "t.csv:3:", "escaped"},
		{"6,s3,r,k\"y,3,10\n", "t.csv:3:", `bare "`},
		{"6,s3,r,key,3,-1\n", "t.csv:3:", "value_len"},
		{"6,s3,r,key,3,99999999999999999999\n", "t.csv:3:", "value_len"},
		{"6,s3,r,key,3\n", "t.csv:3:", "wrong number of fields"},
		{"6,s3,r,key,3,10,x\n", "t.csv:3:", "wrong number of fields"},
	} {
		rows, err := readAll(write(t, "t.csv", []byte(headerLine+good+c.row+good)))
		if err == nil || rows != 1 || !strings.Contains(err.Error(), c.where) || !strings.Contains(err.Error(), c.what) {
			t.Errorf("%q: after %d rows: %v; want %q and %q after 1", c.row, rows, err, c.where, c.what)
		}
	}
}

func TestBadFilesAreErrors(t *testing.T) {
	compressed := zstdOf(t, headerLine+strings.Repeat("5,s3,r,key,3,10\n", 1000))
	for _, c := range []struct {
		name string
		data []byte
		what string
	}{
		{"t.csv", nil, "t.csv:1: no header line"},
		{"t.csv", []byte("a,b,c,d,e,f\n"), "t.csv:1: the header line must be"},
		{"t.csv.zst", []byte("no zstd at all"), "t.csv.zst:1:"},
		{"t.csv.gz", []byte("no gzip at all"), "t.csv.gz:1:"},
		{"t.csv.zst", compressed[:len(compressed)-3], "t.csv.zst:"},
		{"t.txt", []byte(headerLine), "ends in"},
	} {
		_, err := readAll(write(t, c.name, c.data))
		if err == nil || !strings.Contains(err.Error(), c.what) {
			t.Errorf("%s of %d bytes: %v; want %q", c.name, len(c.data), err, c.what)
		}
	}
}

func TestAHeaderAloneIsAnEmptyTrace(t *testing.T) {
	if rows, err := readAll(write(t, "t.csv", []byte(headerLine))); rows != 0 || err != nil {
		t.Errorf("%d rows, %v", rows, err)
	}
}
