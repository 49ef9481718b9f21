package cluster

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/loadgen"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/node"
)

// ownerEnv makes the test's program one that starts a cluster and waits.
const ownerEnv = "KEYVIZ_EXAMPLE_OWNER"

func TestMain(m *testing.M) {
	RunMember()
	if os.Getenv(ownerEnv) != "" {
		c, err := Start(config())
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		for _, member := range c.Members {
			fmt.Println(member.PID())
		}
		fmt.Println()
		select {}
	}
	os.Exit(m.Run())
}

func config() Config {
	return Config{Nodes: 3, AdminAddr: "127.0.0.1:0", Node: node.Config{
		Step: 100 * time.Millisecond, HistoryColumns: 1000, KeyBuckets: 4, HotKeysRate: 1,
		RouteStart: []byte(loadgen.FirstKey), RouteEnd: []byte(loadgen.AfterLastKey),
	}}
}

// isRunning tells whether there is such a process, and it has not ended: one that
// nobody waited for stays in the table.
func isRunning(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func waitUntil(t *testing.T, what string, is func() bool) {
	t.Helper()
	for began := time.Now(); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func TestEveryNodeShowsTheTrafficOfAllThatAreLeftAndSaysWhoIsMissing(t *testing.T) {
	ctx := context.Background()
	c, err := Start(config())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
		for _, m := range c.Members {
			if isRunning(m.PID()) {
				t.Errorf("%s still runs", m.Name)
			}
		}
	}()
	load := loadgen.Config{Duration: 20 * time.Second, MaxRequests: 500, Workers: 2, Keys: 500, Skew: 1.2, MaxValueBytes: 300, HotPercent: 20, Seed: 7}
	reports, err := c.Drive(ctx, load)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(ctx, reports); err != nil {
		t.Error(err)
	}

	// The writes of a cell are those of three groups, and no conflict.
	m, err := askForMatrix(ctx, c.Members[1].Page(), keyviz.SeriesWrites)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if fanout := m.Fanout(); fanout.Responded != 3 || fanout.Expected != 3 {
		t.Errorf("%+v", fanout)
	}
	for i, row := range m.Rows() {
		if row.Conflict {
			t.Errorf("%s is in conflict: %v", row.ID, m.Conflicts(i))
		}
	}

	third := c.Members[2]
	if err := third.Kill(); err != nil {
		t.Fatal(err)
	}
	<-third.Done()
	if third.Err() == nil {
		t.Error("a node that was killed tells nothing")
	}
	if err := c.Check(ctx, reports); err != nil {
		t.Error(err)
	}
	m, err = askForMatrix(ctx, c.Members[0].Page(), keyviz.SeriesReads)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	fanout := m.Fanout()
	if missing := fanout.Nodes[2]; fanout.Responded != 2 || fanout.Expected != 3 || missing.Node != "n3" || missing.OK || !strings.Contains(missing.Error, "refused") {
		t.Errorf("%+v", fanout)
	}
}

func TestANodeThatDiesUnderLoadIsNoError(t *testing.T) {
	c, err := Start(config())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	time.AfterFunc(500*time.Millisecond, func() { c.Members[2].Kill() })
	load := loadgen.Config{Duration: 1500 * time.Millisecond, Workers: 2, Rate: 500, Keys: 500, Skew: 1.2, MaxValueBytes: 300, Seed: 7}
	reports, err := c.Drive(context.Background(), load)
	if err != nil {
		t.Fatal(err)
	}
	if c.Members[2].isAlive() {
		t.Fatal("it didn't die")
	}
	if err := c.Check(context.Background(), reports); err != nil {
		t.Error(err)
	}
}

func TestNoNodeOutlivesTheProcessThatStartedIt(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	owner := exec.Command(self)
	owner.Env = append(os.Environ(), ownerEnv+"=1")
	owner.Stderr = os.Stderr
	stdout, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for lines := bufio.NewScanner(stdout); lines.Scan() && lines.Text() != ""; {
		var pid int
		if _, err := fmt.Sscan(lines.Text(), &pid); err != nil {
			t.Fatal(lines.Text())
		}
		pids = append(pids, pid)
	}
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait()
	if len(pids) != 3 {
		t.Fatalf("%d nodes", len(pids))
	}
	for _, pid := range pids {
		waitUntil(t, fmt.Sprintf("the end of process %d", pid), func() bool { return !isRunning(pid) })
	}
}

func TestAClusterThatCanNotStartLeavesNothingBehind(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:65535"} {
		cfg := config()
		cfg.AdminAddr = address
		if c, err := Start(cfg); err == nil {
			t.Errorf("%s: %v", address, c.Stop())
		}
	}
	first, err := Start(config())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Stop()
	taken := config()
	taken.AdminAddr = first.Members[0].Addrs.Admin
	if c, err := Start(taken); err == nil {
		t.Errorf("%s is taken: %v", taken.AdminAddr, c.Stop())
	}
}
