// Command cluster runs nodes of the example server, each in a process of its own,
// drives all of them with real clients, and shows their traffic in one live
// heatmap. It runs until SIGINT or SIGTERM, or for -duration.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/cluster"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/loadgen"
)

// settings are the flags.
type settings struct {
	cluster  cluster.Config
	load     loadgen.Config
	duration time.Duration
	kill     time.Duration
	asJSON   bool
}

func main() {
	cluster.RunMember()
	var s settings
	flag.IntVar(&s.cluster.Nodes, "nodes", 3, "how many nodes")
	flag.StringVar(&s.cluster.AdminAddr, "admin", "127.0.0.1:8480", "loopback `address` of the first node's heatmap; the other nodes have the ports after it; port 0 takes free ones")
	flag.DurationVar(&s.cluster.Node.Step, "step", time.Second, "flush interval: the time that one column covers")
	flag.IntVar(&s.cluster.Node.HistoryColumns, "history", 3600, "`columns` to keep; the oldest go first")
	flag.IntVar(&s.cluster.Node.KeyBuckets, "key-buckets", 8, "`parts` that the range of the keys is cut into")
	flag.Float64Var(&s.load.Rate, "rate", 200, "average `requests per second` for each front end of each node")
	flag.DurationVar(&s.duration, "duration", 0, "end after this time; 0: when interrupted")
	flag.DurationVar(&s.kill, "kill", 0, "kill the last node after this time; 0: don't")
	flag.BoolVar(&s.asJSON, "json", false, "print one line of JSON for programs")
	flag.Parse()
	if flag.NArg() != 0 || s.cluster.Nodes < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(s); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(s settings) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s.cluster.Node.RedisAddr, s.cluster.Node.HTTPAddr = "127.0.0.1:0", "127.0.0.1:0"
	s.cluster.Node.HotKeysRate = 1
	if s.cluster.Node.KeyBuckets > 1 {
		// So that every part has some of the load's keys.
		s.cluster.Node.RouteStart, s.cluster.Node.RouteEnd = []byte(loadgen.FirstKey), []byte(loadgen.AfterLastKey)
	}
	if limit := time.Duration(s.cluster.Node.HistoryColumns) * s.cluster.Node.Step; s.duration > limit {
		return fmt.Errorf("-duration must not exceed %v: the nodes keep %d columns", limit, s.cluster.Node.HistoryColumns)
	}
	s.load.Duration = s.duration
	if s.load.Duration <= 0 {
		s.load.Duration = math.MaxInt64
	}
	s.load.Workers, s.load.Wave, s.load.Keys, s.load.Skew = 2, 20*time.Second, 50_000, 1.1
	s.load.MaxValueBytes, s.load.HotPercent, s.load.Seed = 1024, 20, 1
	if err := s.load.Validate(); err != nil {
		return err
	}

	c, err := cluster.Start(s.cluster)
	if err != nil {
		return err
	}
	if err := announce(c, s.asJSON); err != nil {
		return errors.Join(err, c.Stop())
	}
	for _, m := range c.Members {
		go func() {
			<-m.Done()
			if err := m.Err(); err != nil {
				fmt.Fprintf(os.Stderr, "%s is gone: %v\n", m.Name, err)
			}
		}()
	}
	if s.kill > 0 {
		last := c.Members[len(c.Members)-1]
		timer := time.AfterFunc(s.kill, func() { _ = last.Kill() })
		defer timer.Stop()
	}
	reports, err := c.Drive(ctx, s.load)
	if err == nil && ctx.Err() == nil {
		err = c.Check(ctx, reports)
	}
	if err == nil && ctx.Err() == nil && !s.asJSON {
		fmt.Println("check: the heatmap equals what the clients of all nodes that are left sent, to the unit, for each label and counter")
	}
	return errors.Join(err, c.Stop())
}

// announce tells where the nodes are.
func announce(c *cluster.Cluster, asJSON bool) error {
	if asJSON {
		type member struct {
			Name string `json:"name"`
			PID  int    `json:"pid"`
			Page string `json:"page"` // URL
		}
		var members []member
		for _, m := range c.Members {
			members = append(members, member{m.Name, m.PID(), m.Page()})
		}
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"nodes": members})
	}
	for i, m := range c.Members {
		fmt.Printf("%s: process %d, heatmap of the cluster at %s\n", m.Name, m.PID(), m.Page())
		if i == len(c.Members)-1 {
			fmt.Println("Open one of them. Ctrl-C ends all.")
		}
	}
	return nil
}
