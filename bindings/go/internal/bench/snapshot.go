//go:build cgo

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
	"github.com/libkeyviz/libkeyviz/bindings/go/internal/baseline"
)

const snapshotColumns = 60

// benchSnapshot copies 60 columns out of the history. Each contender is a process of its own: the one's history is in the
// garbage-collected heap, and would slow the other's allocations. Both have a heap as large as a server's, so that the
// collector rarely runs while a snapshot is taken; what it then has to do is measured by itself.
func benchSnapshot(r *report, rounds, rows int) {
	names := []string{"libkeyviz", "textbook sampler"}
	var ways []wayTo
	var made [2]snapshotMade
	for i, name := range names {
		child := exec.Command(os.Args[0], "-child", name, "-rows", fmt.Sprint(rows))
		child.Stderr = os.Stderr
		orders, err := child.StdinPipe()
		must(err)
		answers, err := child.StdoutPipe()
		must(err)
		must(child.Start())
		defer func() {
			must(orders.Close())
			must(child.Wait())
		}()
		lines := bufio.NewReader(answers)
		ways = append(ways, wayTo{name, func() time.Duration {
			_, err := fmt.Fprintln(orders)
			must(err)
			_, err = fmt.Fscanln(lines, &made[i].ns, &made[i].objects, &made[i].bytes, &made[i].collected)
			must(err)
			return time.Duration(made[i].ns)
		}})
	}
	what := fmt.Sprintf("Snapshot, %d columns of %d rows", snapshotColumns, rows)
	compare(r, what, "row", snapshotColumns*rows, rounds, ways, 3)
	for i, name := range names {
		fmt.Printf("    %-36s %9d objects of %d MB; collecting them takes %.1f ms\n",
			name, made[i].objects, made[i].bytes>>20, float64(made[i].collected)/1e6)
	}
	r.promiseAtMost(what+": objects allocated, of the textbook's", float64(made[0].objects)/float64(made[1].objects), 1)
	r.promiseAtMost(what+": time to collect what is in use, of the textbook's", float64(made[0].collected)/float64(made[1].collected), 1)
}

// snapshotMade is what one snapshot took: time, allocations, and the time of a garbage collection while it is in use.
type snapshotMade struct {
	ns             int64
	objects, bytes uint64
	collected      int64
}

// snapshotChild takes a snapshot for every line that comes in.
func snapshotChild(name string, rows int) {
	heap := make([]byte, 1<<30) // never touched: the system gives no memory for it
	defer runtime.KeepAlive(&heap)
	now := time.Unix(1_700_000_000, 0)
	clock := func() time.Time { return now }
	routes := catalogue(rows)
	var s sampler
	if name == "libkeyviz" {
		ours := keyviz.NewMemSampler(keyviz.MemSamplerOptions{
			KeyVizLabelsEnabled: true, HistoryColumns: snapshotColumns, MaxTrackedRoutes: rows, Now: clock,
		})
		ours.RegisterRoutes(routes)
		s = ours
	} else {
		textbook := baseline.New(baseline.Options{KeyVizLabelsEnabled: true, HistoryColumns: snapshotColumns, Now: clock})
		textbook.RegisterRoutes(routes)
		s = textbook
	}
	key := []byte("key")
	for i := range snapshotColumns {
		now = now.Add(time.Minute)
		for j, route := range routes {
			for range 1 + (i+j)%3 {
				s.Observe(route.RouteID, key, keyviz.Op((i+j)&1), valueLen+i*j%1000, keyviz.LabelRedis)
			}
		}
		s.Flush()
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		runtime.GC()
		var made snapshotMade
		var columns []keyviz.MatrixColumn
		made.objects, made.bytes = mallocs(func() {
			made.ns = timed(func() { columns = s.Snapshot(time.Time{}, time.Time{}) }).Nanoseconds()
		})
		if len(columns) != snapshotColumns || len(columns[snapshotColumns-1].Rows) != rows {
			panic("the snapshot is not whole")
		}
		made.collected = timed(runtime.GC).Nanoseconds()
		runtime.KeepAlive(columns)
		fmt.Println(made.ns, made.objects, made.bytes, made.collected)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
