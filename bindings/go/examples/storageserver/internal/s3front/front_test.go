package s3front_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/nodetest"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/s3front"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

var bucket = aws.String("photos")

// start gives a client of a node that has the bucket "photos".
func start(t *testing.T) (client *s3.Client, addr string, stop func() traffic.ByLabel) {
	t.Helper()
	addrs, stop := nodetest.Start(t)
	client = s3.NewFromConfig(nodetest.AWSConfig(t, addrs.S3), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	return client, addrs.S3, stop
}

func put(client *s3.Client, key, body string) error {
	_, err := client.PutObject(context.Background(), &s3.PutObjectInput{Bucket: bucket, Key: &key, Body: strings.NewReader(body)})
	return err
}

func get(client *s3.Client, key string) (string, error) {
	output, err := client.GetObject(context.Background(), &s3.GetObjectInput{Bucket: bucket, Key: &key})
	if err != nil {
		return "", err
	}
	defer output.Body.Close()
	body, err := io.ReadAll(output.Body)
	return string(body), err
}

func codeOf(err error) string {
	var refusal smithy.APIError
	if !errors.As(err, &refusal) {
		return fmt.Sprint(err)
	}
	return refusal.ErrorCode()
}

func TestEachObjectOfARealClientCountsOnce(t *testing.T) {
	client, _, stop := start(t)
	ctx := context.Background()
	var want traffic.Counters

	if _, err := get(client, "a.jpg"); codeOf(err) != "NoSuchKey" {
		t.Errorf("an absent object: %v", err)
	}
	want.AddRead(len("photos/a.jpg"), 0)
	output, err := client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: bucket, Key: aws.String("a.jpg"), Body: strings.NewReader("0123456789"),
		ContentType: aws.String("image/jpeg"), CacheControl: aws.String("no-cache"), Metadata: map[string]string{"camera": "pinhole"},
	})
	if err != nil || aws.ToString(output.ETag) != `"781e5e245d69b566979b86e28d23f2c7"` || output.ChecksumCRC32 == nil {
		t.Errorf("put: %+v, %v", output, err)
	}
	want.AddWrite(len("photos/a.jpg"), 10)
	found, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("a.jpg")})
	if err != nil {
		t.Fatal(err)
	}
	// Reading to the end has the client check the sum that it sent.
	body, err := io.ReadAll(found.Body)
	found.Body.Close()
	if err != nil || string(body) != "0123456789" || aws.ToString(found.ChecksumCRC32) != aws.ToString(output.ChecksumCRC32) ||
		aws.ToString(found.ContentType) != "image/jpeg" || aws.ToString(found.CacheControl) != "no-cache" || found.Metadata["camera"] != "pinhole" {
		t.Errorf("get: %q, %+v, %v", body, found, err)
	}
	want.AddRead(len("photos/a.jpg"), 10)
	ranged, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("a.jpg"), Range: aws.String("bytes=2-4")})
	if err != nil {
		t.Fatal(err)
	}
	body, err = io.ReadAll(ranged.Body)
	ranged.Body.Close()
	if err != nil || string(body) != "234" || aws.ToString(ranged.ContentRange) != "bytes 2-4/10" {
		t.Errorf("range: %q, %+v, %v", body, ranged, err)
	}
	want.AddRead(len("photos/a.jpg"), 3)
	head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("a.jpg")})
	if err != nil || aws.ToInt64(head.ContentLength) != 10 || head.LastModified == nil {
		t.Errorf("head: %+v, %v", head, err)
	}
	want.AddRead(len("photos/a.jpg"), 0)
	_, err = client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("b")})
	var absent *types.NotFound
	if !errors.As(err, &absent) {
		t.Errorf("head of an absent object: %v", err)
	}
	want.AddRead(len("photos/b"), 0)
	if _, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("a.jpg"), IfNoneMatch: output.ETag}); err == nil || !strings.Contains(err.Error(), "StatusCode: 304") {
		t.Errorf("an object that is known: %v", err)
	}
	want.AddRead(len("photos/a.jpg"), 0)
	if err := put(client, "empty", ""); err != nil {
		t.Error(err)
	}
	want.AddWrite(len("photos/empty"), 0)
	if head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("empty")}); err != nil || aws.ToInt64(head.ContentLength) != 0 {
		t.Errorf("head of an empty object: %+v, %v", head, err)
	}
	want.AddRead(len("photos/empty"), 0)
	if body, err := get(client, "empty"); err != nil || body != "" {
		t.Errorf("an empty object: %q, %v", body, err)
	}
	want.AddRead(len("photos/empty"), 0)
	for range 2 { // one that is gone is no error
		if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("a.jpg")}); err != nil {
			t.Error(err)
		}
		want.AddWrite(len("photos/a.jpg"), 0)
	}
	if _, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: bucket}); err != nil { // no object
		t.Error(err)
	}
	nodetest.Expect(t, stop(), keyviz.LabelS3, want)
}

func TestAnyTextIsAKey(t *testing.T) {
	client, _, stop := start(t)
	var want traffic.Counters
	for _, key := range []string{"a/b", "a//b", "a/../b", "..", "./", "/", "a%2Fb", "a b+c?d=e&f#g", "höhe", "\x01"} {
		if err := put(client, key, "value of "+key); err != nil {
			t.Errorf("%q: %v", key, err)
		}
		want.AddWrite(len("photos/"+key), len("value of "+key))
		if body, err := get(client, key); err != nil || body != "value of "+key {
			t.Errorf("%q: %q, %v", key, body, err)
		}
		want.AddRead(len("photos/"+key), len("value of "+key))
	}
	nodetest.Expect(t, stop(), keyviz.LabelS3, want)
}

// Over TLS, the client sends chunks with a checksum as their trailer.
func TestAStreamedBodyIsStoredWithoutItsFraming(t *testing.T) {
	client, addr, stop := start(t)
	var encoding string
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr})
	tls := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		encoding = r.Header.Get("X-Amz-Content-Sha256")
		proxy.ServeHTTP(w, r)
	}))
	defer tls.Close()
	cfg := nodetest.AWSConfig(t, addr)
	cfg.BaseEndpoint, cfg.HTTPClient = &tls.URL, tls.Client()
	streaming := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	var want traffic.Counters
	for _, algorithm := range types.ChecksumAlgorithm("").Values() {
		if slices.Contains([]types.ChecksumAlgorithm{"SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"}, algorithm) {
			continue // the client computes none of these
		}
		value := strings.Repeat("0123456789abcdef", 10_000)
		_, err := streaming.PutObject(context.Background(), &s3.PutObjectInput{
			Bucket: bucket, Key: aws.String("streamed"), Body: strings.NewReader(value), ChecksumAlgorithm: algorithm,
			ContentEncoding: aws.String("identity"),
		})
		if err != nil || encoding != "STREAMING-UNSIGNED-PAYLOAD-TRAILER" {
			t.Fatalf("%s: sent as %q, %v", algorithm, encoding, err)
		}
		want.AddWrite(len("photos/streamed"), len(value))
		found, err := client.GetObject(context.Background(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("streamed")})
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(found.Body)
		found.Body.Close()
		if err != nil || string(body) != value || aws.ToString(found.ContentEncoding) != "identity" {
			t.Errorf("%s: %d bytes, %v, encoded as %s", algorithm, len(body), err, aws.ToString(found.ContentEncoding))
		}
		want.AddRead(len("photos/streamed"), len(value))
	}
	nodetest.Expect(t, stop(), keyviz.LabelS3, want)
}

func TestAListHasPagesAndCommonPrefixes(t *testing.T) {
	client, _, stop := start(t)
	ctx := context.Background()
	var want traffic.Counters
	keys := []string{"2023/a", "2023/b", "2024/a", "2024/b", "a b", "top"}
	for _, key := range keys {
		if err := put(client, key, "x"); err != nil {
			t.Fatal(err)
		}
		want.AddWrite(len("photos/"+key), 1)
	}
	for _, c := range []struct {
		input s3.ListObjectsV2Input
		want  []string
	}{
		{s3.ListObjectsV2Input{}, keys},
		{s3.ListObjectsV2Input{Prefix: aws.String("2023/")}, keys[:2]},
		{s3.ListObjectsV2Input{Delimiter: aws.String("/")}, []string{"2023/", "2024/", "a b", "top"}},
		{s3.ListObjectsV2Input{Delimiter: aws.String("/"), Prefix: aws.String("2024/")}, keys[2:4]},
		{s3.ListObjectsV2Input{Delimiter: aws.String("/"), StartAfter: aws.String("2023/a")}, []string{"2023/", "2024/", "a b", "top"}},
		{s3.ListObjectsV2Input{StartAfter: aws.String("2024/a")}, keys[3:]},
		{s3.ListObjectsV2Input{Prefix: aws.String("nothing")}, nil},
	} {
		for _, pageSize := range []int32{1, 2, 1000} {
			input := c.input
			input.Bucket, input.MaxKeys = bucket, &pageSize
			var got []string
			for pages := s3.NewListObjectsV2Paginator(client, &input); pages.HasMorePages(); {
				page, err := pages.NextPage(ctx)
				if err != nil {
					t.Fatal(err)
				}
				want.AddRead(len("photos/"+aws.ToString(c.input.Prefix)), 0)
				var entries []string
				for _, one := range page.Contents {
					entries = append(entries, *one.Key)
					if *one.Size != 1 || *one.ETag == "" || one.LastModified == nil {
						t.Errorf("%+v", one)
					}
				}
				for _, one := range page.CommonPrefixes {
					entries = append(entries, *one.Prefix)
				}
				if int(*page.KeyCount) != len(entries) || len(entries) > int(pageSize) {
					t.Errorf("%d entries, %d by the count, at most %d", len(entries), *page.KeyCount, pageSize)
				}
				slices.Sort(entries)
				got = append(got, entries...)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%+v, pages of %d: %q, want %q", c.input, pageSize, got, c.want)
			}
		}
	}
	nodetest.Expect(t, stop(), keyviz.LabelS3, want)
}

func TestRefusedRequestsHaveS3sErrorsAndCountNothing(t *testing.T) {
	client, addr, stop := start(t)
	ctx := context.Background()
	var want traffic.Counters
	if err := put(client, "there", "12345"); err != nil {
		t.Fatal(err)
	}
	want.AddWrite(len("photos/there"), 5)

	key := aws.String("there")
	inBucket := func(bucket string) error {
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: key, Body: strings.NewReader("x")})
		return err
	}
	putWith := func(change func(*s3.PutObjectInput)) error {
		input := &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("x")}
		change(input)
		_, err := client.PutObject(ctx, input)
		return err
	}
	getWith := func(input s3.GetObjectInput) error {
		input.Bucket, input.Key = bucket, key
		_, err := client.GetObject(ctx, &input)
		return err
	}
	_, created := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})
	_, named := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("Photos_")})
	_, listed := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("nothing")})
	_, token := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket, ContinuationToken: aws.String("?")})
	_, multipart := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
	_, copied := client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: bucket, Key: key, CopySource: aws.String("photos/there")})
	_, buckets := client.ListBuckets(ctx, &s3.ListBucketsInput{})
	for name, c := range map[string]struct {
		err  error
		code string
	}{
		"a bucket that isn't there":         {inBucket("nothing"), "NoSuchBucket"},
		"a bucket that can't be":            {inBucket("No_bucket"), "InvalidBucketName"},
		"a bucket that is there":            {created, "BucketAlreadyOwnedByYou"},
		"a bucket with a bad name":          {named, "InvalidBucketName"},
		"a list of no bucket":               {listed, "NoSuchBucket"},
		"a list from nowhere":               {token, "InvalidArgument"},
		"too long a key":                    {putWith(func(in *s3.PutObjectInput) { in.Key = aws.String(strings.Repeat("k", 1025)) }), "KeyTooLongError"},
		"too long an object":                {putWith(func(in *s3.PutObjectInput) { in.Body = bytes.NewReader(make([]byte, s3front.MaxObjectBytes+1)) }), "EntityTooLarge"},
		"too much metadata":                 {putWith(func(in *s3.PutObjectInput) { in.Metadata = map[string]string{"a": strings.Repeat("x", 2048)} }), "MetadataTooLarge"},
		"a bad checksum":                    {putWith(func(in *s3.PutObjectInput) { in.ChecksumCRC32 = aws.String("AAAAAA==") }), "BadDigest"},
		"a checksum that is none":           {putWith(func(in *s3.PutObjectInput) { in.ContentMD5 = aws.String("?") }), "InvalidDigest"},
		"an object only where there's none": {putWith(func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }), "PreconditionFailed"},
		"an object only over another":       {putWith(func(in *s3.PutObjectInput) { in.IfMatch = aws.String("x") }), "NotImplemented"},
		"tags":                              {putWith(func(in *s3.PutObjectInput) { in.Tagging = aws.String("a=b") }), "NotImplemented"},
		"a range after the end":             {getWith(s3.GetObjectInput{Range: aws.String("bytes=5-")}), "InvalidRange"},
		"an object that is another":         {getWith(s3.GetObjectInput{IfMatch: aws.String("x")}), "PreconditionFailed"},
		"a version":                         {getWith(s3.GetObjectInput{VersionId: aws.String("1")}), "NotImplemented"},
		"a multipart upload":                {multipart, "NotImplemented"},
		"a copy":                            {copied, "NotImplemented"},
		"all buckets":                       {buckets, "NotImplemented"},
	} {
		if code := codeOf(c.err); code != c.code {
			t.Errorf("%s: %s; want %s", name, code, c.code)
		}
	}

	for name, c := range map[string]struct {
		method, path, body string
		headers            map[string]string
		status             int
		code               string
	}{
		"another method":      {"POST", "/photos/there", "", nil, 405, "MethodNotAllowed"},
		"a key of no text":    {"GET", "/photos/%ff", "", nil, 400, "InvalidURI"},
		"chunks that aren't":  {"PUT", "/photos/there", "hello\r\n", map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Decoded-Content-Length": "5"}, 400, "InvalidRequest"},
		"chunks of no length": {"PUT", "/photos/there", "0\r\n\r\n", map[string]string{"X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}, 411, "MissingContentLength"},
		"too few chunks":      {"PUT", "/photos/there", "0\r\n\r\n", map[string]string{"X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "X-Amz-Decoded-Content-Length": "5"}, 400, "IncompleteBody"},
		"too many chunks":     {"PUT", "/photos/there", "", map[string]string{"X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "X-Amz-Decoded-Content-Length": "16777217"}, 400, "EntityTooLarge"},
		"no trailer":          {"PUT", "/photos/there", "0\r\n\r\n", map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Decoded-Content-Length": "0", "X-Amz-Trailer": "x-amz-checksum-crc32"}, 400, "MalformedTrailerError"},
		"another sum":         {"PUT", "/photos/there", "hello", map[string]string{"X-Amz-Content-Sha256": sha256Of("hell")}, 400, "XAmzContentSHA256Mismatch"},
	} {
		request, err := http.NewRequest(c.method, "http://"+addr+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range c.headers {
			request.Header.Set(name, value)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != c.status || !strings.Contains(string(answer), "<Code>"+c.code+"</Code>") {
			t.Errorf("%s: %s %s, %v; want %s", name, response.Status, answer, err, c.code)
		}
	}
	if body, err := get(client, "there"); err != nil || body != "12345" {
		t.Errorf("after all that, the object is %q, %v", body, err)
	}
	want.AddRead(len("photos/there"), 5)
	nodetest.Expect(t, stop(), keyviz.LabelS3, want)
}

func sha256Of(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
