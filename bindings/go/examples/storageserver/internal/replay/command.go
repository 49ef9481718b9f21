package replay

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/heatmap"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

// Command replays the traces and reports: a progress bar on standard error, the
// rows and the comparison with the truth files on out, and the heatmap. Any
// difference is an error.
func Command(paths []string, options Options, output heatmap.Output, out io.Writer) error {
	bar, err := newBar(paths)
	if err != nil {
		return err
	}
	started := time.Now()
	result, err := Run(paths, options, bar)
	if err != nil {
		return errors.Join(err, bar.Exit())
	}
	if err := bar.Finish(); err != nil {
		return err
	}
	var rows uint64
	for _, file := range result.Files {
		rows += file.Rows
	}
	fmt.Fprintf(os.Stderr, "replayed %d rows of %d traces in %v\n",
		rows, len(paths), time.Since(started).Round(time.Millisecond))

	if err := traffic.WriteTable(out, traffic.SumRows(result.Columns)); err != nil {
		return err
	}
	title := fmt.Sprintf("Replay of %d traces, each scaled to %d minutes", len(paths), options.Columns)
	if err := heatmap.Write(output, title, result.Columns); err != nil {
		return err
	}
	fmt.Fprintln(out, output)
	return report(result, out)
}

func report(result Result, out io.Writer) error {
	checked := 0
	for _, file := range result.Files {
		if file.Truth != nil {
			checked++
		} else {
			fmt.Fprintf(out, "%s: no truth file; compared with the rows read\n", filepath.Base(file.Path))
		}
	}
	if diffs := result.Verify(); len(diffs) > 0 {
		return fmt.Errorf("the columns differ from the traces:\n  %s", strings.Join(diffs, "\n  "))
	}
	fmt.Fprintf(out, "check: the columns equal the traces, to the unit (%d of %d by truth file)\n",
		checked, len(result.Files))
	return nil
}

// newBar counts compressed bytes, since that is what is known of a trace before
// it is read. Each file is read twice.
func newBar(paths []string) (*progressbar.ProgressBar, error) {
	var size int64
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		size += 2 * info.Size()
	}
	return progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetVisibility(term.IsTerminal(int(os.Stderr.Fd()))),
		progressbar.OptionSetDescription("replay"),
		progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	), nil
}
