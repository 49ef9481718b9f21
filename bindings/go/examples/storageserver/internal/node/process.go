package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/adminfront"
)

// shutdownTimeout is how long requests that are running may take to end.
const shutdownTimeout = 5 * time.Second

// Run runs a node until ctx is done: it writes its addresses to ready, as
// one line of JSON, and on the way out the whole history to columnsPath, unless
// that is empty.
func Run(ctx context.Context, cfg Config, ready io.Writer, columnsPath string, log *slog.Logger) error {
	n, err := Start(cfg)
	if err != nil {
		return err
	}
	if err := keyviz.Ready(); err != nil {
		log.Warn("the traffic sampler is off", "err", err)
	}
	at := n.Addrs()
	log.Info("serving", "redis", at.Redis, "http", at.HTTP, "dynamodb", at.DynamoDB, "s3", at.S3, "sqs", at.SQS, "step", n.sampler.Step())
	if at.Admin != "" {
		log.Info("heatmap", "url", "http://"+at.Admin+adminfront.Path)
	}
	failure := json.NewEncoder(ready).Encode(at)
	if failure == nil {
		select {
		case <-ctx.Done():
		case failure = <-n.Failed():
		}
	}
	log.Info("shutting down")
	timeout, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := n.Shutdown(timeout); err != nil {
		failure = errors.Join(failure, fmt.Errorf("shutdown: %w", err))
	}
	if columnsPath != "" {
		failure = errors.Join(failure, writeColumns(columnsPath, n.Columns()))
	}
	return failure
}

func writeColumns(path string, columns []keyviz.MatrixColumn) error {
	data, err := json.Marshal(columns)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// ReadColumns reads the history that a server process left at path.
func ReadColumns(path string) ([]keyviz.MatrixColumn, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var columns []keyviz.MatrixColumn
	if err := json.Unmarshal(data, &columns); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return columns, nil
}
