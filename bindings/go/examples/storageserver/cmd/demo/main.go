// Command demo starts the example server as a child process, drives it with the
// real clients of its five protocols, stops it, and checks that the columns it leaves
// behind equal what the clients had acknowledged, to the unit. Half-way, it asks
// for the hot keys, of which it has planted one for each label. It ends by
// itself. With -traces, or TRACES in the environment, it replays the traces of
// a folder instead.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/heatmap"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/loadgen"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/node"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/replay"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/trace"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

const (
	anyPort        = "127.0.0.1:0"
	step           = time.Second
	historyColumns = 600
	replayColumns  = 60
	// margin is what starting and stopping the server may take beside the load.
	margin = 20 * time.Second
)

func main() {
	out := heatmap.Flags("demo-heatmap.html")
	keyBuckets := flag.Int("key-buckets", 1, "`parts` that the range of the keys is cut into")
	duration := flag.Duration("duration", 16*time.Second, "how long to drive the server")
	traces := flag.String("traces", os.Getenv("TRACES"), "replay the traces in this `folder` instead; the default is $TRACES")
	serve := flag.String("serve", "", "only run the server, until SIGINT, SIGTERM or the end of standard input, and write its columns to this `file`; the demo starts its child so")
	flag.Parse()
	if flag.NArg() != 0 {
		flag.Usage()
		os.Exit(2)
	}
	var err error
	switch {
	case *serve != "":
		err = runServer(*serve, *keyBuckets)
	case *traces != "":
		err = runReplay(*traces, *keyBuckets, *out)
	default:
		err = runDemo(*duration, *keyBuckets, *out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func runReplay(dir string, keyBuckets int, out heatmap.Output) error {
	paths, err := trace.Find(dir)
	if err != nil {
		return err
	}
	return replay.Command(paths, replay.Options{Columns: replayColumns, KeyBuckets: keyBuckets}, out, os.Stdout)
}

// runServer is the child's side.
func runServer(columnsPath string, keyBuckets int) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		// Standard input ends when the demo does, even if it crashes: the child
		// must not outlive it.
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	cfg := node.Config{
		RedisAddr: anyPort, HTTPAddr: anyPort, DynamoDBAddr: anyPort, S3Addr: anyPort, SQSAddr: anyPort, AdminAddr: anyPort,
		Step: step, HistoryColumns: historyColumns, KeyBuckets: keyBuckets, HotKeysRate: 1,
	}
	if keyBuckets > 1 {
		// So that every part has some of the load's keys.
		cfg.RouteStart, cfg.RouteEnd = []byte(loadgen.FirstKey), []byte(loadgen.AfterLastKey)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return node.Run(ctx, cfg, os.Stdout, columnsPath, log)
}

func runDemo(duration time.Duration, keyBuckets int, out heatmap.Output) error {
	if limit := historyColumns*step - margin; duration > limit {
		return fmt.Errorf("-duration must not exceed %v: the server keeps %d columns", limit, historyColumns)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, duration+margin)
	defer cancel()

	server, err := startServer(ctx, keyBuckets)
	if err != nil {
		return err
	}
	defer server.cleanUp()
	at := server.addrs
	fmt.Printf("server: process %d; redis on %s, raw key-value over HTTP on %s, dynamodb on %s, s3 on %s, sqs on %s\n",
		server.command.Process.Pid, at.Redis, at.HTTP, at.DynamoDB, at.S3, at.SQS)
	fmt.Printf("load:   %v of go-redis, net/http and AWS SDK clients, Zipf keys\n", duration)
	hot := make(chan error, 1)
	go func() {
		hot <- showHotKeys(ctx, at.Admin, duration/2)
	}()
	report, err := loadgen.Run(ctx, loadgen.Config{
		RedisAddr: at.Redis, HTTPAddr: at.HTTP, DynamoDBAddr: at.DynamoDB, S3Addr: at.S3, SQSAddr: at.SQS,
		Duration: duration, Workers: 4, Rate: 500, Wave: duration / 2,
		Keys: 50_000, Skew: 1.1, MaxValueBytes: 1024, HotPercent: 35, Seed: 1,
	})
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if ctx.Err() != nil {
		return errors.New("interrupted before the load was done")
	}
	hotErr := <-hot
	columns, err := server.stop()
	if err != nil {
		return err
	}

	fmt.Println("\nwhat the clients sent and got acknowledged:")
	tableErr := report.WriteTable(os.Stdout)
	fmt.Println("\nwhat the sampler's columns say:")
	tableErr = errors.Join(tableErr, traffic.WriteTable(os.Stdout, traffic.SumRows(columns)))
	if tableErr != nil {
		return tableErr
	}
	title := fmt.Sprintf("Traffic by adapter: one route, %d columns of %v", len(columns), step)
	if err := heatmap.Write(out, title, columns); err != nil {
		return err
	}
	fmt.Printf("\n%v\n", out)
	return errors.Join(check(report, columns), hotErr)
}
