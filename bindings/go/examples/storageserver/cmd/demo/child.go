package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/node"
)

// child is the server's process. It writes its columns to a file as it goes,
// since they live in its memory.
type child struct {
	command *exec.Cmd
	stdin   io.Closer
	addrs   node.Addrs
	dir     string
}

// startServer runs this program again as the server, and returns once it
// accepts clients. The child is asked to stop when ctx ends.
func startServer(ctx context.Context, keyBuckets int) (_ *child, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "keyviz-demo-")
	if err != nil {
		return nil, err
	}
	c := &child{dir: dir}
	defer func() {
		if err != nil {
			c.cleanUp()
		}
	}()
	c.command = exec.CommandContext(ctx, self, "-serve", c.columnsPath(), "-key-buckets", strconv.Itoa(keyBuckets))
	c.command.Cancel = func() error { return c.command.Process.Signal(syscall.SIGTERM) }
	c.command.WaitDelay = 5 * time.Second
	c.command.Stderr = os.Stderr
	stdout, err := c.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if c.stdin, err = c.command.StdinPipe(); err != nil {
		return nil, err
	}
	if err := c.command.Start(); err != nil {
		return nil, err
	}
	if err := json.NewDecoder(stdout).Decode(&c.addrs); err != nil {
		return nil, fmt.Errorf("the server did not start: %w", errors.Join(err, c.command.Wait()))
	}
	return c, nil
}

// stop ends the server as an operator would, and returns its history.
func (c *child) stop() ([]keyviz.MatrixColumn, error) {
	if err := c.command.Process.Signal(syscall.SIGTERM); err != nil {
		return nil, fmt.Errorf("stopping the server: %w", err)
	}
	if err := c.command.Wait(); err != nil {
		return nil, fmt.Errorf("the server failed: %w", err)
	}
	return node.ReadColumns(c.columnsPath())
}

// cleanUp ends a child that was not stopped, and removes its files.
func (c *child) cleanUp() {
	if c.command != nil && c.command.Process != nil && c.command.ProcessState == nil {
		_ = c.stdin.Close()
		_ = c.command.Wait()
	}
	_ = os.RemoveAll(c.dir)
}

func (c *child) columnsPath() string {
	return filepath.Join(c.dir, "columns.json")
}
