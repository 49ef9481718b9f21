// Package nodetest starts nodes for the tests of their front ends.
package nodetest

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/loadgen"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/node"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

// AnyPort is an address with a free port.
const AnyPort = "127.0.0.1:0"

// AllFronts is a node with every front end but the heatmap.
func AllFronts(step time.Duration) node.Config {
	return node.Config{RedisAddr: AnyPort, HTTPAddr: AnyPort, DynamoDBAddr: AnyPort, S3Addr: AnyPort, SQSAddr: AnyPort, Step: step}
}

// Start runs a node and returns a function that stops it and sums its columns.
func Start(t *testing.T) (addrs node.Addrs, stop func() traffic.ByLabel) {
	t.Helper()
	n, err := node.Start(AllFronts(50 * time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	return n.Addrs(), func() traffic.ByLabel {
		t.Helper()
		http.DefaultClient.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := n.Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
		return traffic.SumLabels(n.Columns())
	}
}

// Expect compares what a node counted with what it should have, all of it under
// one label.
func Expect(t *testing.T, got traffic.ByLabel, label keyviz.Label, want traffic.Counters) {
	t.Helper()
	for _, diff := range traffic.Diff(traffic.ByLabel{label: want}, got) {
		t.Error(diff)
	}
}

// AWSConfig is for clients of AWS. It gives each test connections of its own, and
// asks for no second try.
func AWSConfig(t *testing.T, addr string) aws.Config {
	cfg, transport := loadgen.AWSConfig(addr, 1)
	t.Cleanup(transport.CloseIdleConnections)
	return cfg
}

// Zeros is a body of so many zero bytes.
func Zeros(n int64) io.ReadCloser { return io.NopCloser(io.LimitReader(zeros{}, n)) }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
