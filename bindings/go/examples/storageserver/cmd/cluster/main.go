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
	"os"
	"os/signal"
	"syscall"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

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
	flag.IntVar(&s.cluster.Node.KeyBuckets, "key-buckets", 16, "`parts` that the range of the keys is cut into")
	flag.Float64Var(&s.load.Rate, "rate", 100, "average `requests per second` for each front end of each node")
	flag.DurationVar(&s.duration, "duration", 0, "end after this time; 0: when interrupted")
	flag.DurationVar(&s.kill, "kill", 0, "kill the last node after this time; 0: don't")
	flag.BoolVar(&s.asJSON, "json", false, "print one line of JSON for programs")
	flag.Parse()
	if flag.NArg() != 0 || s.cluster.Nodes < 1 || s.duration < 0 {
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
	s.cluster.Node.HotKeysRate = 1
	if s.cluster.Node.KeyBuckets > 1 {
		// So that every part has some of the load's keys.
		s.cluster.Node.RouteStart, s.cluster.Node.RouteEnd = []byte(loadgen.FirstKey), []byte(loadgen.AfterLastKey)
	}
	if limit := time.Duration(s.cluster.Node.HistoryColumns) * s.cluster.Node.Step; s.duration > limit {
		return fmt.Errorf("-duration must not exceed %v: the nodes keep %d columns", limit, s.cluster.Node.HistoryColumns)
	}
	s.load.Duration = s.duration
	s.load.Workers, s.load.Wave, s.load.Keys, s.load.Skew = 2, 20*time.Second, 10_000, 1.1
	s.load.MaxValueBytes, s.load.HotPercent, s.load.Seed = 1024, 20, 1

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
	return errors.Join(drive(ctx, c, s), c.Stop())
}

// drive sends load to the nodes. If that has an end, it compares the heatmap with what
// the clients sent.
func drive(ctx context.Context, c *cluster.Cluster, s settings) error {
	if s.duration == 0 {
		return c.DriveOn(ctx, s.load, func(m *cluster.Member, err error) {
			fmt.Fprintf(os.Stderr, "%s: the load was interrupted: %v\n", m.Name, err)
		})
	}
	reports, err := c.Drive(ctx, s.load)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return errors.New("interrupted before the load was done")
	}
	if err := c.Check(ctx, reports); err != nil {
		return err
	}
	if !s.asJSON {
		fmt.Println("check: the heatmap equals what the clients of all nodes that are left sent, to the unit, for each label and counter")
	}
	return nil
}

// plantedKeys are the keys that the load asks for more than for any other.
var plantedKeys = map[keyviz.Label]string{
	keyviz.LabelDynamo: loadgen.HotKey(loadgen.DynamoDBKind),
	keyviz.LabelRedis:  loadgen.HotKey(loadgen.RedisKind),
	keyviz.LabelS3:     loadgen.HotKey(loadgen.S3Kind),
	keyviz.LabelSQS:    loadgen.HotKey(loadgen.SQSKind),
	keyviz.LabelRawKV:  loadgen.HotKey(loadgen.RawKVKind),
}

// member is what is told of a node, for programs.
type member struct {
	Name string `json:"name"`
	PID  int    `json:"pid"`
	Page string `json:"page"` // URL
}

// announce tells where the nodes are.
func announce(c *cluster.Cluster, asJSON bool) error {
	if asJSON {
		told := struct {
			Nodes   []member                `json:"nodes"`
			HotKeys map[keyviz.Label]string `json:"hot_keys"`
		}{HotKeys: plantedKeys}
		for _, m := range c.Members {
			told.Nodes = append(told.Nodes, member{m.Name, m.PID(), m.Page()})
		}
		return json.NewEncoder(os.Stdout).Encode(told)
	}
	for _, m := range c.Members {
		fmt.Printf("%s: process %d, heatmap at %s\n", m.Name, m.PID(), m.Page())
	}
	fmt.Println("Each shows the traffic of all. Ctrl-C ends them.")
	return nil
}
