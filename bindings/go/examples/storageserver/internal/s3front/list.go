package s3front

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const maxListed = 1000

type listAnswer struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name                  string
	Prefix                string
	Delimiter             string `xml:",omitempty"`
	StartAfter            string `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	ContinuationToken     string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	MaxKeys               int
	KeyCount              int
	IsTruncated           bool
	Contents              []listed
	CommonPrefixes        []commonPrefix
}

type listed struct {
	Key          string
	LastModified string
	ETag         string
	Size         int
	StorageClass string
}

type commonPrefix struct{ Prefix string }

// list answers ListObjectsV2. It counts as one read, at the place in the bucket
// where the list begins.
func (h *handler) list(w http.ResponseWriter, r *http.Request, bucket string, query url.Values) error {
	if query.Get("list-type") != "2" {
		return unsupported("reads of a bucket other than ListObjectsV2")
	}
	if err := onlyKnown(query, "list-type", "prefix", "delimiter", "start-after", "continuation-token", "max-keys", "encoding-type", "fetch-owner"); err != nil {
		return err
	}
	answer := listAnswer{
		Name: bucket, Prefix: query.Get("prefix"), Delimiter: query.Get("delimiter"), MaxKeys: maxListed,
		StartAfter: query.Get("start-after"), ContinuationToken: query.Get("continuation-token"), EncodingType: query.Get("encoding-type"),
	}
	if text := query.Get("max-keys"); text != "" {
		most, err := strconv.Atoi(text)
		if err != nil || most < 0 {
			return errInvalidArgument
		}
		answer.MaxKeys = min(most, maxListed)
	}
	if answer.EncodingType != "" && answer.EncodingType != "url" {
		return errInvalidArgument
	}
	token, err := base64.StdEncoding.DecodeString(answer.ContinuationToken)
	if err != nil {
		return errInvalidArgument
	}
	page := h.page(bucket, answer.Prefix, answer.Delimiter, answer.StartAfter, string(token), answer.MaxKeys)
	if page.more {
		answer.IsTruncated = true
		answer.NextContinuationToken = base64.StdEncoding.EncodeToString([]byte(page.last))
	}

	encode := func(text string) string { return text }
	if answer.EncodingType == "url" {
		encode = func(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
	}
	storeKeys := make([][]byte, len(page.keys))
	for i, key := range page.keys {
		storeKeys[i] = storeKey(bucket, key)
	}
	for i, data := range h.store.GetMany(storeKeys) {
		if data == nil {
			continue // deleted just now
		}
		o, err := decodeObject(data)
		if err != nil {
			return err
		}
		answer.Contents = append(answer.Contents, listed{
			Key: encode(page.keys[i]), Size: len(o.body), ETag: o.ETag, StorageClass: "STANDARD",
			LastModified: time.Unix(o.Modified, 0).UTC().Format(time.RFC3339),
		})
	}
	for _, prefix := range page.prefixes {
		answer.CommonPrefixes = append(answer.CommonPrefixes, commonPrefix{encode(prefix)})
	}
	answer.KeyCount = len(answer.Contents) + len(answer.CommonPrefixes)
	h.recorder.Read(storeKey(bucket, answer.Prefix), 0)
	answer.Prefix, answer.Delimiter, answer.StartAfter = encode(answer.Prefix), encode(answer.Delimiter), encode(answer.StartAfter)
	sendXML(w, r, http.StatusOK, answer)
	return nil
}

// page is a part of a list: keys, and what keys begin with up to a delimiter.
type page struct {
	keys, prefixes []string
	last           string // entry, which the next page comes after
	more           bool
}

// page starts after the key startAfter, and after the entry afterEntry.
func (h *handler) page(bucket, prefix, delimiter, startAfter, afterEntry string, most int) (p page) {
	inBucket := string(storeKey(bucket, ""))
	for _, full := range h.store.Keys(inBucket + prefix) {
		key := full[len(inBucket):]
		entry, isPrefix := key, false
		if delimiter != "" {
			if before, _, found := strings.Cut(key[len(prefix):], delimiter); found {
				entry, isPrefix = prefix+before+delimiter, true
			}
		}
		if key <= startAfter || entry <= afterEntry || isPrefix && entry == p.last {
			continue
		}
		if len(p.keys)+len(p.prefixes) == most {
			p.more = most > 0
			return p
		}
		p.last = entry
		if isPrefix {
			p.prefixes = append(p.prefixes, entry)
		} else {
			p.keys = append(p.keys, key)
		}
	}
	return p
}
