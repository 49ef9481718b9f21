package s3front

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func TestChunksBecomeTheBodyAndItsTrailers(t *testing.T) {
	for _, c := range []struct {
		encoded, body string
		trailers      map[string][]string
	}{
		{"5\r\nhello\r\n0\r\n\r\n", "hello", nil},
		{"0\r\n\r\n", "", nil},
		{"3;chunk-signature=abc\r\nhel\r\n2;chunk-signature=def\r\nlo\r\n0;chunk-signature=0\r\n\r\n", "hello", nil},
		{"A\r\n0123456789\r\n1\r\n\n\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "0123456789\n", map[string][]string{"X-Amz-Checksum-Crc32": {"AAAAAA=="}}},
		{"2\r\n\r\n\r\n0\r\na: b \r\nc:d\r\n\r\n", "\r\n", map[string][]string{"A": {"b"}, "C": {"d"}}},
	} {
		for name, r := range map[string]io.Reader{
			"whole": strings.NewReader(c.encoded), "byte by byte": iotest.OneByteReader(strings.NewReader(c.encoded)),
		} {
			body, trailers, err := readChunked(r, int64(len(c.body)))
			if err != nil || string(body) != c.body || len(trailers)+len(c.trailers) > 0 && !reflect.DeepEqual(map[string][]string(trailers), c.trailers) {
				t.Errorf("%q, %s: %q, %v, %v", c.encoded, name, body, trailers, err)
			}
		}
	}
}

func TestABodyThatEndsEarlyIsNotWhole(t *testing.T) {
	const encoded = "3\r\nhel\r\n2\r\nlo\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
	for n := range encoded {
		if body, _, err := readChunked(strings.NewReader(encoded[:n]), 5); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %q, %v", encoded[:n], body, err)
		}
	}
	if _, _, err := readChunked(strings.NewReader("3\r\nhel\r\n0\r\n\r\n"), 5); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("shorter than it says: %v", err)
	}
	broken := errors.New("broken")
	if _, _, err := readChunked(io.MultiReader(strings.NewReader("3\r\nhe"), iotest.ErrReader(broken)), 3); !errors.Is(err, broken) {
		t.Errorf("a connection that breaks: %v", err)
	}
}

func TestMalformedChunksAreRefused(t *testing.T) {
	for _, encoded := range []string{
		"\r\n",
		"x\r\nhello\r\n0\r\n\r\n",
		"-5\r\nhello\r\n0\r\n\r\n",
		"+5\r\nhello\r\n0\r\n\r\n",
		" 5\r\nhello\r\n0\r\n\r\n",
		"5\nhello\r\n0\r\n\r\n",
		"5\r\nhello0\r\n\r\n",
		"5\r\nhelloxx\r\n0\r\n\r\n",
		"6\r\nhello!\r\n0\r\n\r\n", // longer than it says
		"3\r\nhel\r\n3\r\nlo!\r\n0\r\n\r\n",
		"ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
		"3fffffffffffffff\r\nhello\r\n0\r\n\r\n",
		"5;" + strings.Repeat("x", maxLineBytes) + "\r\nhello\r\n0\r\n\r\n",
		"5\r\nhello\r\n0\r\nno colon\r\n\r\n",
		"5\r\nhello\r\n0\r\n" + strings.Repeat("a:b\r\n", maxTrailers) + "\r\n",
	} {
		if body, _, err := readChunked(strings.NewReader(encoded), 5); !errors.Is(err, errMalformedChunks) {
			t.Errorf("%.60q: %q, %v", encoded, body, err)
		}
	}
}

func FuzzChunks(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n0\r\nx:y\r\n\r\n"), 5)
	f.Add([]byte("3;chunk-signature=abc\r\nhel\r\n0\r\n\r\n"), 3)
	f.Fuzz(func(t *testing.T, encoded []byte, size int) {
		body, _, err := readChunked(bytes.NewReader(encoded), int64(size))
		if err == nil && len(body) != size || err != nil && body != nil {
			t.Errorf("%d bytes, %v", len(body), err)
		}
	})
}
