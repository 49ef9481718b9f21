package loadgen

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

type s3Client struct {
	client    *s3.Client
	transport *http.Transport
}

func newS3Client(addr string, workers int) client {
	cfg, transport := AWSConfig(addr, workers)
	return &s3Client{
		client:    s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }),
		transport: transport,
	}
}

func (c *s3Client) label() keyviz.Label { return keyviz.LabelS3 }

func (c *s3Client) prepare(ctx context.Context) error {
	for digit := range uint64(containers) {
		_, err := c.client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(containerOf(digit, S3Kind))})
		var exists *types.BucketAlreadyOwnedByYou
		if err != nil && !errors.As(err, &exists) {
			return err
		}
	}
	return nil
}

func (c *s3Client) close() error {
	c.transport.CloseIdleConnections()
	return nil
}

func (c *s3Client) request(ctx context.Context, w *workload, t *Tally) error {
	at := w.place()
	bucket, key, observed := &at.container, &at.item, len(at.key())
	switch p := w.percent(); {
	case p < 55:
		t.SentReads++
		n, err := c.get(ctx, bucket, key)
		if err != nil {
			return err
		}
		t.Acknowledged.AddRead(observed, n)
	case p < 63:
		t.SentReads++
		_, err := c.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: key})
		var absent *types.NotFound
		if err != nil && !errors.As(err, &absent) {
			return err
		}
		t.Acknowledged.AddRead(observed, 0)
	case p < 93:
		value := w.value()
		t.SentWrites++
		if _, err := c.client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: bytes.NewReader(value)}); err != nil {
			return err
		}
		t.Acknowledged.AddWrite(observed, len(value))
	default:
		t.SentWrites++
		if _, err := c.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key}); err != nil {
			return err
		}
		t.Acknowledged.AddWrite(observed, 0)
	}
	return nil
}

// get returns the length of the object; 0 where there is none, which is an answer
// like any other.
func (c *s3Client) get(ctx context.Context, bucket, key *string) (int, error) {
	output, err := c.client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key})
	var absent *types.NoSuchKey
	if errors.As(err, &absent) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer output.Body.Close()
	n, err := io.Copy(io.Discard, output.Body)
	return int(n), err
}
