// Command server is a small storage server whose traffic libkeyviz samples: Redis,
// raw key-value over HTTP, DynamoDB, S3 and SQS, all on loopback. It runs until
// SIGINT or SIGTERM.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/node"
)

func main() {
	var cfg node.Config
	flag.StringVar(&cfg.RedisAddr, "redis", "127.0.0.1:6380", "loopback `address` of the Redis front end; port 0 takes a free one; empty: none")
	flag.StringVar(&cfg.HTTPAddr, "http", "127.0.0.1:8380", "the same of the raw key-value front end")
	flag.StringVar(&cfg.DynamoDBAddr, "dynamo", "127.0.0.1:8000", "the same of the DynamoDB front end")
	flag.StringVar(&cfg.S3Addr, "s3", "127.0.0.1:9000", "the same of the S3 front end")
	flag.StringVar(&cfg.SQSAddr, "sqs", "127.0.0.1:9324", "the same of the SQS front end")
	flag.StringVar(&cfg.AdminAddr, "admin", "127.0.0.1:8480", "loopback `address` of the live heatmap; empty: none")
	flag.StringVar(&cfg.Name, "name", "", "this node's `name` in its cluster")
	flag.Uint64Var(&cfg.Group, "group", 1, "Raft `group` of the node's route, another one for each node")
	flag.Func("peer", "`URL` of another node's heatmap, http://127.0.0.1:8481/keyviz/; once for each", func(url string) error {
		cfg.Peers = append(cfg.Peers, url)
		return nil
	})
	flag.DurationVar(&cfg.Step, "step", time.Second, "flush interval: the time that one column covers")
	flag.IntVar(&cfg.HistoryColumns, "history", 3600, "`columns` to keep; the oldest go first")
	columns := flag.String("columns", "", "write the history to this `file` as JSON on shutdown")
	flag.Parse()
	if flag.NArg() != 0 {
		flag.Usage()
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := node.Run(ctx, cfg, os.Stdout, *columns, log); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}
