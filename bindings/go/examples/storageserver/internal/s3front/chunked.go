package s3front

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

const (
	// maxLineBytes is the longest line between chunks.
	maxLineBytes = 4 << 10
	maxTrailers  = 16
)

var errMalformedChunks = errors.New("the aws-chunked body is malformed")

// readChunked decodes an aws-chunked body: chunks that begin with a line of their
// length in hex and, after a semicolon, a signature, which is not checked here;
// the last one is empty, and the trailers follow. The chunks must add up to size
// bytes; a body that ends early is io.ErrUnexpectedEOF.
func readChunked(r io.Reader, size int64) (body []byte, trailers http.Header, err error) {
	lines := bufio.NewReaderSize(r, maxLineBytes)
	var decoded bytes.Buffer
	for {
		header, err := readLine(lines)
		if err != nil {
			return nil, nil, err
		}
		digits, _, _ := strings.Cut(header, ";")
		length, err := strconv.ParseUint(digits, 16, 62)
		if err != nil || int64(length) > size-int64(decoded.Len()) {
			return nil, nil, errMalformedChunks
		}
		if length == 0 {
			break
		}
		if _, err := io.CopyN(&decoded, lines, int64(length)); err != nil {
			return nil, nil, unexpected(err)
		}
		if end, err := readLine(lines); err != nil || end != "" {
			return nil, nil, cmp.Or(err, errMalformedChunks)
		}
	}
	if int64(decoded.Len()) != size {
		return nil, nil, io.ErrUnexpectedEOF
	}
	trailers = make(http.Header)
	for range maxTrailers {
		line, err := readLine(lines)
		if err != nil {
			return nil, nil, err
		}
		if line == "" {
			return decoded.Bytes(), trailers, nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, nil, errMalformedChunks
		}
		trailers.Set(textproto.TrimString(name), textproto.TrimString(value))
	}
	return nil, nil, errMalformedChunks
}

// readLine reads a line and leaves out its end, CR LF.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", errMalformedChunks
	}
	if err != nil {
		return "", unexpected(err)
	}
	text, ok := strings.CutSuffix(string(line), "\r\n")
	if !ok {
		return "", errMalformedChunks
	}
	return text, nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
