package s3front

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strings"
)

// crc64NVMe is the polynomial of CRC-64/NVME, reversed.
var crc64NVMe = crc64.MakeTable(0x9a6c9329ac4bc9b5)

const checksumPrefix = "X-Amz-Checksum-"

// checksums are the algorithms whose headers are checked.
var checksums = map[string]func() hash.Hash{
	checksumPrefix + "Crc32":     func() hash.Hash { return crc32.NewIEEE() },
	checksumPrefix + "Crc32c":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	checksumPrefix + "Crc64nvme": func() hash.Hash { return crc64.New(crc64NVMe) },
	checksumPrefix + "Sha1":      sha1.New,
	checksumPrefix + "Sha256":    sha256.New,
}

// checksum is one header, kept with the object so that a reader can check what
// it gets.
type checksum struct{ Name, Value string }

// verify compares the body with every checksum in the headers and trailers, and
// returns the ones of S3's own algorithms.
func verify(body []byte, headers, trailers http.Header) ([]checksum, error) {
	if text := headers.Get("Content-Md5"); text != "" {
		if err := compare(text, md5.New, body); err != nil {
			return nil, err
		}
	}
	if text := headers.Get("X-Amz-Content-Sha256"); len(text) == hex.EncodedLen(sha256.Size) {
		sum := sha256.Sum256(body)
		if !strings.EqualFold(text, hex.EncodeToString(sum[:])) {
			return nil, errSHA256
		}
	}
	var kept []checksum
	for _, from := range []http.Header{headers, trailers} {
		for name := range from {
			if !strings.HasPrefix(name, checksumPrefix) || name == checksumPrefix+"Type" || name == checksumPrefix+"Algorithm" {
				continue
			}
			algorithm, known := checksums[name]
			if !known {
				return nil, unsupported(name)
			}
			if err := compare(from.Get(name), algorithm, body); err != nil {
				return nil, err
			}
			kept = append(kept, checksum{name, from.Get(name)})
		}
	}
	for name := range strings.SplitSeq(headers.Get("X-Amz-Trailer"), ",") {
		if name = strings.TrimSpace(name); name != "" && trailers.Get(name) == "" {
			return nil, errBadTrailer
		}
	}
	return kept, nil
}

func compare(text string, algorithm func() hash.Hash, body []byte) error {
	h := algorithm()
	want, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(want) != h.Size() {
		return errInvalidDigest
	}
	h.Write(body)
	if !bytes.Equal(h.Sum(nil), want) {
		return errBadDigest
	}
	return nil
}
