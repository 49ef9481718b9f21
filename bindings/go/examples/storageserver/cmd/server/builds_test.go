package main

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/adminfront"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/loadgen"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/node"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

// root is the repository's.
const root = "../../../../../.."

// staticRecipe is what the README says makes one file that needs nothing else.
const staticRecipe = "go build -tags netgo,osusergo -ldflags '-linkmode external -extldflags -static'"

// build builds the server.
func build(t *testing.T, env []string, arguments ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "server")
	command := exec.Command("go", append(append([]string{"build", "-o", program}, arguments...), ".")...)
	command.Env = append(os.Environ(), env...)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", command.Args, err, output)
	}
	return program
}

// process is a server that runs.
type process struct {
	command *exec.Cmd
	at      node.Addrs
	log     *lockedBuffer
}

// lockedBuffer is what a process says, which it may while it is read.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// start starts a server on free ports.
func start(t *testing.T, command *exec.Cmd) *process {
	t.Helper()
	p := &process{command: command, log: &lockedBuffer{}}
	command.Args = append(command.Args, "-step", "50ms")
	for _, front := range []string{"-redis", "-http", "-dynamo", "-s3", "-sqs", "-admin"} {
		command.Args = append(command.Args, front, "127.0.0.1:0")
	}
	command.Stderr = p.log
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() })
	if err := json.NewDecoder(stdout).Decode(&p.at); err != nil {
		t.Fatalf("%v\n%s", err, p.log)
	}
	return p
}

func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.command.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, p.log)
	}
}

// drive sends requests of every kind.
func (p *process) drive(t *testing.T) loadgen.Report {
	t.Helper()
	report, err := loadgen.Run(context.Background(), loadgen.Config{
		RedisAddr: p.at.Redis, HTTPAddr: p.at.HTTP, DynamoDBAddr: p.at.DynamoDB, S3Addr: p.at.S3, SQSAddr: p.at.SQS,
		Duration: 20 * time.Second, MaxRequests: 500, Workers: 8, Keys: 500, Skew: 1.2, MaxValueBytes: 300, HotPercent: 20, Seed: 7,
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, p.log)
	}
	return report
}

// countsRight drives the server that the command starts, which leaves its columns in a
// file, and compares.
func countsRight(t *testing.T, command *exec.Cmd, columnsPath string) {
	t.Helper()
	p := start(t, command)
	report := p.drive(t)
	for _, label := range keyviz.AllLabels {
		if status, body := p.get(t, fmt.Sprintf("hotkeys?route_id=%d&label=%s", node.RouteID, label)); status != http.StatusOK && status != http.StatusNotFound {
			t.Errorf("hot keys of %s: %d %s", label, status, body)
		}
	}
	if status, body := p.get(t, ""); status != http.StatusOK || !strings.HasPrefix(body, "<!doctype html>") {
		t.Errorf("the page: %d %.200s", status, body)
	}
	p.stop(t)
	columns, err := node.ReadColumns(columnsPath)
	if err != nil {
		t.Fatal(err)
	}
	for _, diff := range traffic.Diff(report.Acknowledged(), traffic.SumLabels(columns)) {
		t.Error(diff)
	}
}

// get asks the heatmap.
func (p *process) get(t *testing.T, target string) (status int, body string) {
	t.Helper()
	response, err := http.Get("http://" + p.at.Admin + adminfront.Path + target)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(read)
}

// needs are the shared libraries that a program asks for; interpreted: it needs a
// loader.
func needs(t *testing.T, program string) (libraries []string, interpreted bool) {
	t.Helper()
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if libraries, err = file.ImportedLibraries(); err != nil {
		t.Fatal(err)
	}
	return libraries, slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
}

// missing skips the test aloud, and fails it in CI.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func TestAStaticServerCountsInARootThatHoldsNothingElse(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(readme, []byte(staticRecipe)) {
		t.Errorf("the README doesn't say %s", staticRecipe)
	}
	_, tags, _ := strings.Cut(staticRecipe, "-tags ")
	tags, ldflags, _ := strings.Cut(tags, " -ldflags ")
	program := build(t, nil, "-tags", tags, "-ldflags", strings.Trim(ldflags, "'"))
	if libraries, interpreted := needs(t, program); len(libraries) > 0 || interpreted {
		t.Fatalf("it needs %v, a loader: %v", libraries, interpreted)
	}
	empty := filepath.Dir(program)
	command := &exec.Cmd{Path: "/server", Args: []string{"/server", "-columns", "/columns.json"}, Dir: "/", Env: []string{}}
	command.SysProcAttr = &syscall.SysProcAttr{Chroot: empty}
	if os.Geteuid() != 0 {
		// Whoever isn't root may be it in a namespace, where the system allows that.
		command.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		command.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		command.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	if probe := (&exec.Cmd{Path: "/server", Args: []string{"/server", "-h"}, Dir: "/", SysProcAttr: command.SysProcAttr}); probe.Run() != nil && probe.Process == nil {
		missing(t, "chroot needs root, or user namespaces")
	}
	countsRight(t, command, filepath.Join(empty, "columns.json"))
	entries, err := os.ReadDir(empty)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v in what was to hold the server and its columns (%v)", entries, err)
	}
}

func TestADynamicServerCounts(t *testing.T) {
	program := build(t, nil)
	if libraries, interpreted := needs(t, program); !interpreted || slices.Contains(libraries, "libkeyviz.so.0") {
		t.Errorf("it needs %v, a loader: %v", libraries, interpreted)
	}
	columns := filepath.Join(t.TempDir(), "columns.json")
	countsRight(t, exec.Command(program, "-columns", columns), columns)
}

func TestAServerOnTheInstalledLibraryCounts(t *testing.T) {
	for _, tool := range []string{"make", "pkg-config"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, "there is no "+tool)
		}
	}
	prefix := install(t)
	// Go's cache doesn't see what pkg-config said; it sees these flags.
	env := []string{"PKG_CONFIG_PATH=" + filepath.Join(prefix, "lib", "pkgconfig"), "CGO_CFLAGS=-O2 -g -I" + filepath.Join(prefix, "include")}
	program := build(t, env, "-tags", "keyviz_system")
	if libraries, _ := needs(t, program); !slices.Contains(libraries, "libkeyviz.so.0") {
		t.Fatalf("it needs %v", libraries)
	}
	columns := filepath.Join(t.TempDir(), "columns.json")
	command := exec.Command(program, "-columns", columns)
	command.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(prefix, "lib"))
	countsRight(t, command, columns)
}

// install installs the library as it was built, into a folder of its own, always
// the same.
func install(t *testing.T) (prefix string) {
	t.Helper()
	prefix, err := filepath.Abs(filepath.Join(root, "build", "server-prefix"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(prefix); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("make", "-C", root, "install", "PREFIX="+prefix, "CARGO=false")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s(`make build` builds the library)", command.Args, err, output)
	}
	return prefix
}

func TestWithoutCgoTheServerServesAndSaysThatTheSamplerIsOff(t *testing.T) {
	program := build(t, []string{"CGO_ENABLED=0"})
	columnsPath := filepath.Join(t.TempDir(), "columns.json")
	p := start(t, exec.Command(program, "-columns", columnsPath))
	p.drive(t)
	for _, target := range []string{"", "matrix", "matrix?series=none", "hotkeys?route_id=1"} {
		if status, body := p.get(t, target); status != http.StatusServiceUnavailable || !strings.Contains(body, `"keyviz_disabled"`) {
			t.Errorf("%q: %d %s", target, status, body)
		}
	}
	p.stop(t)
	if log := p.log.String(); !strings.Contains(log, "the traffic sampler is off") || !strings.Contains(log, "cgo") {
		t.Errorf("it says\n%s", log)
	}
	if columns, err := node.ReadColumns(columnsPath); err != nil || len(columns) != 0 {
		t.Errorf("%d columns, %v", len(columns), err)
	}
}
