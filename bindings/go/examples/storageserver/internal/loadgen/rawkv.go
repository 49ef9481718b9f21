package loadgen

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/httpfront"
)

type rawKVClient struct {
	base      string
	client    *http.Client
	transport *http.Transport
}

func newRawKVClient(addr string, workers int) client {
	transport := &http.Transport{MaxIdleConnsPerHost: workers, DisableCompression: true}
	return &rawKVClient{
		base:      "http://" + addr + httpfront.Prefix,
		client:    &http.Client{Transport: transport},
		transport: transport,
	}
}

func (c *rawKVClient) label() keyviz.Label { return keyviz.LabelRawKV }

func (c *rawKVClient) prepare(context.Context) error { return nil }

func (c *rawKVClient) close() error {
	c.transport.CloseIdleConnections()
	return nil
}

func (c *rawKVClient) request(ctx context.Context, w *workload, t *Tally) error {
	key := w.key()
	switch p := w.percent(); {
	case p < 65:
		t.SentReads++
		n, err := c.do(ctx, http.MethodGet, key, nil, http.StatusOK)
		if err != nil {
			return err
		}
		t.Acknowledged.AddRead(len(key), n)
	case p < 93:
		value := w.value()
		t.SentWrites++
		if _, err := c.do(ctx, http.MethodPut, key, value, http.StatusNoContent); err != nil {
			return err
		}
		t.Acknowledged.AddWrite(len(key), len(value))
	default:
		t.SentWrites++
		if _, err := c.do(ctx, http.MethodDelete, key, nil, http.StatusNoContent); err != nil {
			return err
		}
		t.Acknowledged.AddWrite(len(key), 0)
	}
	return nil
}

// do sends one request and returns the length of the value in the answer: 0
// where there is no such key, which is an answer like any other.
func (c *rawKVClient) do(ctx context.Context, method, key string, value []byte, success int) (int, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+url.PathEscape(key), bytes.NewReader(value))
	if err != nil {
		return 0, err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	n, err := io.Copy(io.Discard, response.Body)
	if err != nil {
		return 0, err
	}
	switch {
	case response.StatusCode == success:
		return int(n), nil
	case response.StatusCode == http.StatusNotFound && method != http.MethodPut:
		return 0, nil
	default:
		return 0, fmt.Errorf("%s %s: %s", method, request.URL, response.Status)
	}
}
