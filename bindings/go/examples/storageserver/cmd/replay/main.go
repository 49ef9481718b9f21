// Command replay plays trace files into a sampler, all at once on one route,
// and checks the columns against the truth files beside them.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/heatmap"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/replay"
)

func main() {
	var options replay.Options
	flag.IntVar(&options.Columns, "columns", 60, "columns that each trace is scaled to")
	flag.IntVar(&options.KeyBuckets, "key-buckets", 1, "`parts` that the range of the keys is cut into")
	out := heatmap.Flags("replay-heatmap.html")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: replay [flags] trace.csv[.zst|.gz] ...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := replay.Command(flag.Args(), options, *out, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
}
