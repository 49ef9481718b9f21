// Package cluster runs several nodes of the example server, each in a process of
// its own, that show each other's traffic.
package cluster

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/adminfront"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/node"
)

// stopTimeout is how long a member may take to end before it is killed.
const stopTimeout = 10 * time.Second

// Config says what a cluster is.
type Config struct {
	Nodes int
	// AdminAddr is the host:port of the first node's heatmap; the other nodes have
	// the ports after it. Port 0 takes free ones.
	AdminAddr string
	// Node is what all nodes have in common. Its addresses, name, peers and group are
	// the cluster's to fill in.
	Node node.Config
}

// Cluster is nodes that run.
type Cluster struct {
	Members []*Member
}

// Member is one node's process.
type Member struct {
	Name  string
	Addrs node.Addrs

	command  *exec.Cmd
	stdin    io.Closer
	stopping atomic.Bool
	done     chan struct{}
	failure  error
}

// Start starts the nodes, and returns once all accept clients.
//
// Every node serves the same route, and leads a Raft group of its own for its part of
// the traffic, as the nodes of a store that is sharded by hash would: the
// writes of different groups add up.
func Start(cfg Config) (*Cluster, error) {
	listeners := make([]net.Listener, 0, cfg.Nodes)
	defer func() {
		for _, listener := range listeners {
			_ = listener.Close() // The members have copies.
		}
	}()
	var urls []string
	for i := range cfg.Nodes {
		address, err := nthAddr(cfg.AdminAddr, i)
		if err != nil {
			return nil, err
		}
		listener, err := node.Listen(address)
		if err != nil {
			return nil, fmt.Errorf("heatmap of node %d: %w", i+1, err)
		}
		listeners = append(listeners, listener)
		urls = append(urls, "http://"+listener.Addr().String()+adminfront.Path)
	}
	// All at once: nodes that flush at about the same time have columns in common.
	members := make([]*Member, cfg.Nodes)
	var starting errgroup.Group
	for i, listener := range listeners {
		one := cfg.Node
		one.Name, one.Group = fmt.Sprintf("n%d", i+1), uint64(i+1)
		for _, address := range []*string{&one.RedisAddr, &one.HTTPAddr, &one.DynamoDBAddr, &one.S3Addr, &one.SQSAddr} {
			*address = "127.0.0.1:0"
		}
		// Its own is among them, as in a list that all nodes share.
		one.Peers = urls
		starting.Go(func() (err error) {
			if members[i], err = startMember(one, listener); err != nil {
				return fmt.Errorf("%s: %w", one.Name, err)
			}
			return nil
		})
	}
	if err := starting.Wait(); err != nil {
		members = slices.DeleteFunc(members, func(m *Member) bool { return m == nil })
		return nil, errors.Join(err, (&Cluster{members}).Stop())
	}
	return &Cluster{members}, nil
}

// nthAddr is the address whose port is n above, unless the port is 0.
func nthAddr(address string, n int) (string, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", fmt.Errorf("the port %q is no number", text)
	}
	if port != 0 {
		port += uint64(n)
	}
	return net.JoinHostPort(host, strconv.FormatUint(port, 10)), nil
}

// startMember runs this program again as one node.
func startMember(cfg node.Config, listener net.Listener) (*Member, error) {
	cfg.AdminAddr = listenerAddr
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	m := &Member{Name: cfg.Name, command: exec.Command(self), done: make(chan struct{})}
	m.command.Env = append(os.Environ(), memberEnv+"=1")
	m.command.ExtraFiles = []*os.File{file}
	m.command.Stderr = os.Stderr
	// Ctrl-C is for the process that the user started, which stops the load first.
	m.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := m.command.StdinPipe()
	if err != nil {
		return nil, err
	}
	m.stdin = stdin
	stdout, err := m.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := m.command.Start(); err != nil {
		return nil, err
	}
	failure := json.NewEncoder(stdin).Encode(cfg)
	if failure == nil {
		failure = json.NewDecoder(stdout).Decode(&m.Addrs)
	}
	go func() {
		defer close(m.done)
		err := m.command.Wait()
		if !m.stopping.Load() {
			m.failure = cmp.Or(err, errors.New("it ended by itself"))
		}
	}()
	if failure != nil {
		return nil, fmt.Errorf("it did not start: %w", errors.Join(failure, m.stop()))
	}
	return m, nil
}

// Page is the URL of the node's heatmap.
func (m *Member) Page() string { return "http://" + m.Addrs.Admin + adminfront.Path }

// PID is the id of the node's process.
func (m *Member) PID() int { return m.command.Process.Pid }

// Kill ends the node as a crash would.
func (m *Member) Kill() error { return m.command.Process.Kill() }

// Done is closed when the process has ended.
func (m *Member) Done() <-chan struct{} { return m.done }

// Err tells how a process ended that nobody stopped. Call it once Done is closed.
func (m *Member) Err() error { return m.failure }

func (m *Member) isAlive() bool {
	select {
	case <-m.done:
		return false
	default:
		return true
	}
}

// stop lets the node end by itself.
func (m *Member) stop() error {
	m.stopping.Store(true)
	_ = m.stdin.Close()
	select {
	case <-m.done:
		return nil
	case <-time.After(stopTimeout):
		err := m.Kill()
		<-m.done
		return errors.Join(fmt.Errorf("%s did not end within %v, and was killed", m.Name, stopTimeout), err)
	}
}

// Stop lets all nodes end that still run, and waits for them.
func (c *Cluster) Stop() error {
	errs := make(chan error)
	for _, m := range c.Members {
		go func() { errs <- m.stop() }()
	}
	var all error
	for range c.Members {
		all = errors.Join(all, <-errs)
	}
	return all
}

// alive are the members whose processes run.
func (c *Cluster) alive() []*Member {
	var alive []*Member
	for _, m := range c.Members {
		if m.isAlive() {
			alive = append(alive, m)
		}
	}
	return alive
}
