package s3front

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"reflect"
	"testing"
)

func TestEachAlgorithmHasItsCheckValue(t *testing.T) {
	// Of "123456789"; those of the CRCs are their published check values.
	for name, sum := range map[string]string{
		"Crc32":     "cbf43926",
		"Crc32c":    "e3069283",
		"Crc64nvme": "ae8b14860a799888",
		"Sha1":      "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
		"Sha256":    "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
	} {
		raw, err := hex.DecodeString(sum)
		if err != nil {
			t.Fatal(err)
		}
		text := base64.StdEncoding.EncodeToString(raw)
		sent := http.Header{checksumPrefix + name: {text}}
		want := []checksum{{checksumPrefix + name, text}}
		if kept, err := verify([]byte("123456789"), sent, nil); err != nil || !reflect.DeepEqual(kept, want) {
			t.Errorf("%s: %v, %v", name, kept, err)
		}
		announced := http.Header{"X-Amz-Trailer": {"x-amz-checksum-" + name}}
		if kept, err := verify([]byte("123456789"), announced, sent); err != nil || !reflect.DeepEqual(kept, want) {
			t.Errorf("%s as a trailer: %v, %v", name, kept, err)
		}
		if _, err := verify([]byte("123456789"), announced, nil); !errors.Is(err, errBadTrailer) {
			t.Errorf("%s, announced and not there: %v", name, err)
		}
		if _, err := verify([]byte("12345678"), sent, nil); !errors.Is(err, errBadDigest) {
			t.Errorf("%s of something else: %v", name, err)
		}
	}
}

func TestARangeIsCutToTheObject(t *testing.T) {
	for header, want := range map[string]part{
		"":                      {0, 10, false},
		"bytes=0-":              {0, 10, true},
		"bytes=0-0":             {0, 1, true},
		"bytes=2-5":             {2, 6, true},
		"bytes=9-100":           {9, 10, true},
		"bytes=-3":              {7, 10, true},
		"bytes=-100":            {0, 10, true},
		"bytes=5-2":             {0, 10, false},
		"bytes=1-2,4-5":         {0, 10, false},
		"bytes=a-b":             {0, 10, false},
		"bytes=-":               {0, 10, false},
		"bytes=5":               {0, 10, false},
		"lines=1-2":             {0, 10, false},
		"bytes=0-4611686018427": {0, 10, true},
	} {
		if got, err := parseRange(header, 10); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", header, got, err, want)
		}
	}
	for _, header := range []string{"bytes=10-", "bytes=10-20", "bytes=-0"} {
		if got, err := parseRange(header, 10); !errors.Is(err, errRange) {
			t.Errorf("%q: %v, %v", header, got, err)
		}
	}
	if got, err := parseRange("bytes=0-", 0); !errors.Is(err, errRange) {
		t.Errorf("of nothing: %v, %v", got, err)
	}
}

func TestAnObjectIsReadAsItWasStored(t *testing.T) {
	o := &object{
		Headers: map[string]string{"Content-Type": "text/plain"}, Checksums: []checksum{{"X-Amz-Checksum-Sha1", "x"}},
		ETag: `"abc"`, Modified: 1_700_000_000, body: []byte("\x00body"),
	}
	data, err := o.encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeObject(data); err != nil || !reflect.DeepEqual(got, o) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range [][]byte{nil, {5}, {0x80}, {2, '{', 'x'}} {
		if o, err := decodeObject(bad); err == nil {
			t.Errorf("%q is an object: %+v", bad, o)
		}
	}
}
