package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/node"
)

// memberEnv is set in the environment of a process that is to be a member.
const memberEnv = "KEYVIZ_EXAMPLE_MEMBER"

// listenerAddr is where a member finds the listener of its heatmap: a process's first
// file descriptor after the standard ones.
const listenerAddr = "fd:3"

// RunMember makes this process a member of a cluster, if a cluster started it as
// one; then it doesn't return. A program that starts clusters calls it first.
//
// The member's configuration is one JSON object on standard input. It runs until
// standard input ends, which it does when the cluster's process does, whatever
// ended that one: no member outlives it.
func RunMember() {
	if os.Getenv(memberEnv) == "" {
		return
	}
	if err := runMember(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "member:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runMember(in io.Reader, out io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	var cfg node.Config
	decoder := json.NewDecoder(in)
	if err := decoder.Decode(&cfg); err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})).With("node", cfg.Name)
	return node.Run(ctx, cfg, out, "", log)
}
