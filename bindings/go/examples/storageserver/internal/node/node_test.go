package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/adminfront"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/loadgen"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/node"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/nodetest"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

// requests are those to each front end, however long they take.
const requests = 1000

func load(n node.Addrs) loadgen.Config {
	return loadgen.Config{
		RedisAddr: n.Redis, HTTPAddr: n.HTTP, DynamoDBAddr: n.DynamoDB, S3Addr: n.S3, SQSAddr: n.SQS,
		Duration: 2 * time.Minute, MaxRequests: requests, Workers: 6,
		Keys: 500, Skew: 1.2, MaxValueBytes: 300, Seed: 7,
	}
}

func TestColumnsEqualWhatTheClientsOfAllFrontEndsSent(t *testing.T) {
	n, err := node.Start(nodetest.AllFronts(20 * time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	// Twice, since the second load finds tables, buckets and queues there.
	want := make(traffic.ByLabel)
	var report loadgen.Report
	for range 2 {
		if report, err = loadgen.Run(context.Background(), load(n.Addrs())); err != nil {
			t.Fatal(err)
		}
		for label, sums := range report.Acknowledged() {
			want.Add(label, sums)
		}
	}
	if err := n.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	columns := n.Columns()
	for _, diff := range traffic.Diff(want, traffic.SumLabels(columns)) {
		t.Error(diff)
	}
	for _, tally := range report.Fronts {
		if tally.Requests < requests || tally.Errors != 0 {
			t.Errorf("%s: %d requests, %d errors; want %d or more and none", tally.Label, tally.Requests, tally.Errors, requests)
		}
		if tally.SentReads != tally.Acknowledged.Reads || tally.SentWrites != tally.Acknowledged.Writes {
			t.Errorf("%s: sent and acknowledged differ: %+v", tally.Label, tally)
		}
	}
	if len(columns) < 2 {
		t.Errorf("%d columns: the flusher did not run", len(columns))
	}
}

func TestAProcessLeavesItsColumnsBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "columns.json")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	readEnd, writeEnd := io.Pipe()
	done := make(chan error, 1)
	go func() {
		// A step that is never over: all that is counted comes from the last flush.
		done <- node.Run(ctx, nodetest.AllFronts(time.Hour), writeEnd, path, slog.New(slog.DiscardHandler))
	}()
	var ready node.Addrs
	if err := json.NewDecoder(readEnd).Decode(&ready); err != nil {
		t.Fatal(err)
	}
	cfg := load(ready)
	cfg.MaxRequests = 200
	report, err := loadgen.Run(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	columns, err := node.ReadColumns(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, diff := range traffic.Diff(report.Acknowledged(), traffic.SumLabels(columns)) {
		t.Error(diff)
	}
	var table bytes.Buffer
	if err := traffic.WriteTable(&table, traffic.SumRows(columns)); err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{"route:1 / dynamo", "route:1 / rawkv", "route:1 / redis", "route:1 / s3", "route:1 / sqs"} {
		if !bytes.Contains(table.Bytes(), []byte(row)) {
			t.Errorf("no row %q in\n%s", row, &table)
		}
	}
}

func TestTheHeatmapHasTheTrafficOfPeersToo(t *testing.T) {
	var urls []string
	for i, name := range []string{"first", "second"} {
		n, err := node.Start(node.Config{
			HTTPAddr: nodetest.AnyPort, AdminAddr: nodetest.AnyPort, Step: 20 * time.Millisecond,
			Name: name, Peers: urls, Group: uint64(i + 1),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer n.Shutdown(context.Background())
		request, err := http.NewRequest(http.MethodPut, "http://"+n.Addrs().HTTP+"/kv/key-of-"+name, strings.NewReader("value"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		urls = append(urls, "http://"+n.Addrs().Admin+adminfront.Path)
	}
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		response, err := http.Get(urls[1] + "matrix?series=write_bytes")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		m, err := keyviz.ParseMatrixJSON(body, keyviz.MatrixLimits{})
		if err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		total := uint64(0)
		for _, value := range m.Values(0) {
			total += value
		}
		if total == uint64(len("key-of-first")+len("key-of-second")+2*len("value")) && m.Fanout().Responded == 2 {
			return
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%s", body)
		}
	}
}

func TestOnlyLoopbackIsServed(t *testing.T) {
	for _, cfg := range []node.Config{
		{RedisAddr: "0.0.0.0:0"},
		{RedisAddr: ":0", HTTPAddr: nodetest.AnyPort},
		{RedisAddr: nodetest.AnyPort, HTTPAddr: "[::]:0"},
		{RedisAddr: nodetest.AnyPort, DynamoDBAddr: "0.0.0.0:0"},
		{S3Addr: "0.0.0.0:0"},
		{SQSAddr: "0.0.0.0:0"},
		{RedisAddr: nodetest.AnyPort, AdminAddr: "0.0.0.0:0"},
	} {
		if n, err := node.Start(cfg); err == nil {
			t.Errorf("%+v: started", cfg)
			_ = n.Shutdown(context.Background())
		}
	}
}
