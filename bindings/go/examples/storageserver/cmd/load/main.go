// Command load drives a running server with the real clients of all its protocols
// at once, and reports exactly what they sent and what was acknowledged.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/loadgen"
)

func main() {
	var cfg loadgen.Config
	flag.StringVar(&cfg.RedisAddr, "redis", "127.0.0.1:6380", "`address` of the server's Redis front end; empty: drive it not")
	flag.StringVar(&cfg.HTTPAddr, "http", "127.0.0.1:8380", "the same of the raw key-value front end")
	flag.StringVar(&cfg.DynamoDBAddr, "dynamo", "127.0.0.1:8000", "the same of the DynamoDB front end")
	flag.StringVar(&cfg.S3Addr, "s3", "127.0.0.1:9000", "the same of the S3 front end")
	flag.StringVar(&cfg.SQSAddr, "sqs", "127.0.0.1:9324", "the same of the SQS front end")
	flag.DurationVar(&cfg.Duration, "duration", 15*time.Second, "longest time to run")
	flag.Uint64Var(&cfg.MaxRequests, "requests", 100_000, "most requests for each front end; 0 for no such bound")
	flag.IntVar(&cfg.Workers, "workers", 8, "concurrent clients for each front end")
	flag.Float64Var(&cfg.Rate, "rate", 2000, "average `requests per second` for each front end; 0 for as fast as it goes")
	flag.DurationVar(&cfg.Wave, "wave", 8*time.Second, "period of the rise and fall of the rate; 0 for a steady one")
	flag.Uint64Var(&cfg.Keys, "keys", 100_000, "distinct keys for each front end")
	flag.Float64Var(&cfg.Skew, "skew", 1.1, "exponent of the Zipf distribution of the keys, greater than 1")
	flag.IntVar(&cfg.MaxValueBytes, "value", 1024, "longest value, in `bytes`")
	flag.Uint64Var(&cfg.Seed, "seed", 1, "seed of the random numbers")
	asJSON := flag.Bool("json", false, "report as JSON")
	flag.Parse()
	if flag.NArg() != 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(cfg, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(cfg loadgen.Config, asJSON bool) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report, err := loadgen.Run(ctx, cfg)
	if !asJSON {
		return errors.Join(err, report.WriteTable(os.Stdout))
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return errors.Join(err, encoder.Encode(report))
}
