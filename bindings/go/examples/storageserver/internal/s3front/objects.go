package s3front

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/store"
)

const (
	metaPrefix       = "X-Amz-Meta-"
	maxMetadataBytes = 2 << 10
	// maxFraming bounds what aws-chunked adds to the longest object.
	maxFraming = MaxObjectBytes + 64<<10
)

// keptHeaders come back with the object as they were put.
var keptHeaders = []string{"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Expires"}

// refusedHeaders of a PUT ask for more than to store an object.
var refusedHeaders = []string{
	"If-Match", "X-Amz-Copy-Source", "X-Amz-Object-Lock-Mode", "X-Amz-Object-Lock-Legal-Hold",
	"X-Amz-Server-Side-Encryption", "X-Amz-Server-Side-Encryption-Customer-Algorithm",
	"X-Amz-Tagging", "X-Amz-Website-Redirect-Location", "X-Amz-Write-Offset-Bytes",
}

// object is what is stored under a key.
type object struct {
	Headers   map[string]string
	Checksums []checksum
	ETag      string // quoted
	Modified  int64  // Unix seconds
	body      []byte
}

// encode is the length of the description as a varint, the description as JSON,
// and the body.
func (o *object) encode() ([]byte, error) {
	description, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	data := binary.AppendUvarint(nil, uint64(len(description)))
	return append(append(data, description...), o.body...), nil
}

// decodeObject reads what encode made. The body is a part of data.
func decodeObject(data []byte) (*object, error) {
	length, n := binary.Uvarint(data)
	if n <= 0 || length > uint64(len(data)-n) {
		return nil, errors.New("what is stored is not an object")
	}
	end := n + int(length)
	o := new(object)
	if err := json.Unmarshal(data[n:end], o); err != nil {
		return nil, err
	}
	o.body = data[end:]
	return o, nil
}

func (h *handler) put(w http.ResponseWriter, r *http.Request, key []byte) error {
	for _, name := range refusedHeaders {
		if r.Header.Get(name) != "" {
			return unsupported("the header " + name)
		}
	}
	onlyNew := r.Header.Get("If-None-Match")
	if onlyNew != "" && onlyNew != "*" {
		return unsupported("If-None-Match with something else than *")
	}
	o := &object{Headers: make(map[string]string), Modified: time.Now().Unix()}
	if err := o.keepHeaders(r.Header); err != nil {
		return err
	}
	body, trailers, err := readBody(w, r)
	if err != nil {
		return err
	}
	if o.Checksums, err = verify(body, r.Header, trailers); err != nil {
		return err
	}
	sum := md5.Sum(body)
	o.ETag = `"` + hex.EncodeToString(sum[:]) + `"`
	o.body = body
	data, err := o.encode()
	if err != nil {
		return err
	}
	pair := store.Pair{Key: key, Value: data}
	if onlyNew == "" {
		h.store.Set(pair)
	} else if !h.store.Add(pair) {
		return errPrecondition
	}
	h.recorder.Write(key, len(body))
	w.Header().Set("ETag", o.ETag)
	o.sendChecksums(w)
	return nil
}

func (o *object) keepHeaders(headers http.Header) error {
	size := 0
	for name, values := range headers {
		value := strings.Join(values, ",")
		if key, ok := strings.CutPrefix(name, metaPrefix); ok {
			size += len(key) + len(value)
			o.Headers[name] = value
		} else if slices.Contains(keptHeaders, name) {
			o.Headers[name] = value
		}
	}
	if size > maxMetadataBytes {
		return errMetadata
	}
	// aws-chunked is how the body came, and not how the object is encoded.
	encodings := slices.DeleteFunc(strings.Split(o.Headers["Content-Encoding"], ","), func(one string) bool {
		one = strings.TrimSpace(one)
		return one == "" || one == "aws-chunked"
	})
	delete(o.Headers, "Content-Encoding")
	if len(encodings) > 0 {
		o.Headers["Content-Encoding"] = strings.Join(encodings, ",")
	}
	return nil
}

// readBody returns the object in the body of a PUT, and the body's trailers.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, http.Header, error) {
	if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		size, err := strconv.ParseInt(r.Header.Get("X-Amz-Decoded-Content-Length"), 10, 64)
		switch {
		case err != nil || size < 0:
			return nil, nil, errNoLength
		case size > MaxObjectBytes:
			return nil, nil, tooLarge(r)
		}
		body, trailers, err := readChunked(http.MaxBytesReader(w, r.Body, maxFraming), size)
		return body, trailers, bodyError(err)
	}
	switch {
	case r.ContentLength < 0:
		return nil, nil, errNoLength
	case r.ContentLength > MaxObjectBytes:
		return nil, nil, tooLarge(r)
	}
	body, err := io.ReadAll(r.Body)
	return body, nil, bodyError(err)
}

// tooLarge reads on for a while: a client that still sends may not see an answer.
func tooLarge(r *http.Request) error {
	_, _ = io.CopyN(io.Discard, r.Body, maxFraming)
	return errTooLarge
}

func bodyError(err error) error {
	var tooLong *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errMalformedChunks):
		return errBadChunks
	case errors.As(err, &tooLong):
		return errTooLarge
	default:
		return errIncomplete
	}
}

func (h *handler) get(w http.ResponseWriter, r *http.Request, key []byte) error {
	for _, name := range []string{"If-Modified-Since", "If-Unmodified-Since"} {
		if r.Header.Get(name) != "" {
			return unsupported("the header " + name)
		}
	}
	data, ok := h.store.Get(key)
	if !ok {
		h.recorder.Read(key, 0)
		return errNoSuchKey
	}
	o, err := decodeObject(data)
	if err != nil {
		return err
	}
	if asked := r.Header.Get("If-Match"); asked != "" && !o.matches(asked) {
		return errPrecondition
	}
	w.Header().Set("ETag", o.ETag)
	w.Header().Set("Last-Modified", time.Unix(o.Modified, 0).UTC().Format(http.TimeFormat))
	if asked := r.Header.Get("If-None-Match"); asked != "" && o.matches(asked) {
		h.recorder.Read(key, 0)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	part, err := parseRange(r.Header.Get("Range"), len(o.body))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "binary/octet-stream")
	for name, value := range o.Headers {
		if strings.HasPrefix(name, metaPrefix) {
			// Clients take the metadata's names as they come: S3's are in lower case.
			w.Header()[strings.ToLower(name)] = []string{value}
		} else {
			w.Header().Set(name, value)
		}
	}
	w.Header().Set("Accept-Ranges", "bytes")
	w.Header().Set("Content-Length", strconv.Itoa(part.end-part.start))
	status := http.StatusOK
	if part.partial {
		status = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", part.start, part.end-1, len(o.body)))
	} else if r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" {
		o.sendChecksums(w)
	}
	if r.Method == http.MethodHead {
		h.recorder.Read(key, 0)
		w.WriteHeader(status)
		return nil
	}
	h.recorder.Read(key, part.end-part.start)
	w.WriteHeader(status)
	// A client that goes away while it is answered is not this server's error.
	_, _ = w.Write(o.body[part.start:part.end])
	return nil
}

func (o *object) sendChecksums(w http.ResponseWriter) {
	for _, sum := range o.Checksums {
		w.Header().Set(sum.Name, sum.Value)
	}
}

// matches says whether a list of entity tags has the object's.
func (o *object) matches(tags string) bool {
	for tag := range strings.SplitSeq(tags, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.Trim(strings.TrimPrefix(tag, "W/"), `"`) == strings.Trim(o.ETag, `"`) {
			return true
		}
	}
	return false
}

// part is [start, end) of a body.
type part struct {
	start, end int
	partial    bool
}

// parseRange reads a Range header. As in S3, one that is malformed or has
// several ranges asks for the whole.
func parseRange(header string, size int) (part, error) {
	whole := part{0, size, false}
	text, ok := strings.CutPrefix(header, "bytes=")
	from, to, isRange := strings.Cut(text, "-")
	if !ok || !isRange {
		return whole, nil
	}
	first, firstErr := strconv.ParseUint(from, 10, 62)
	last, lastErr := strconv.ParseUint(to, 10, 62)
	length := uint64(size)
	switch {
	case from == "" && lastErr == nil: // the last so many bytes
		first, last = length-min(last, length), length
	case firstErr == nil && to == "":
		last = length
	case firstErr == nil && lastErr == nil && first <= last:
		last = min(last+1, length)
	default:
		return whole, nil
	}
	if first >= length {
		return part{}, errRange
	}
	return part{int(first), int(last), true}, nil
}
