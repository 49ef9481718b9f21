// Package replay plays traces into a sampler whose clock it owns, so that hours
// of traffic take a moment and give the same columns on every run.
package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/trace"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

const (
	routeID = 1
	groupID = 1
	// step is the time between two columns on the sampler's clock. The traces'
	// own times are scaled, so its length has no meaning beyond the time axis.
	step = time.Minute
)

// File is one replayed trace.
type File struct {
	Path   string
	Rows   uint64
	Counts traffic.ByLabel // as read from the file
	Truth  *trace.Truth    // nil: there is no truth file beside the trace
}

// Result is the outcome of a replay.
type Result struct {
	Files   []File
	Columns []keyviz.MatrixColumn
}

// Options say how traces are played.
type Options struct {
	// Columns that each trace is scaled to, from 1 to [keyviz.MaxHistoryColumns].
	Columns int
	// KeyBuckets is how many parts the range of all keys is cut into; ≤ 0 gives 1.
	KeyBuckets int
}

// Run plays the traces at the same time on one route, each one scaled to the
// same number of columns. Files are read twice, to learn their span and their
// keys and to play them, and never held in memory; the compressed bytes read are
// written to progress, unless that is nil.
func Run(paths []string, options Options, progress io.Writer) (result Result, err error) {
	columns := options.Columns
	if columns < 1 || columns > keyviz.MaxHistoryColumns {
		return Result{}, fmt.Errorf("the number of columns must be from 1 to %d", keyviz.MaxHistoryColumns)
	}
	now := newClock()
	sampler := keyviz.NewMemSampler(keyviz.MemSamplerOptions{
		Step:                step,
		HistoryColumns:      columns,
		KeyBucketsPerRoute:  options.KeyBuckets,
		KeyVizLabelsEnabled: true,
		Now:                 now.now,
	})

	players := make([]*player, len(paths))
	defer func() {
		for _, p := range players {
			if p != nil {
				err = errors.Join(err, p.reader.Close())
			}
		}
	}()
	var opening errgroup.Group
	for i, path := range paths {
		opening.Go(func() (err error) {
			players[i], err = newPlayer(path, columns, progress)
			return err
		})
	}
	if err := opening.Wait(); err != nil {
		return Result{}, err
	}
	start, end := routeRange(players)
	sampler.RegisterRoute(routeID, start, end, groupID)
	for column := range columns {
		// The files observe from goroutines of their own, as a server's
		// connections do; the flush waits for them, so that every access lies in
		// the column that its time says.
		var playing errgroup.Group
		for _, p := range players {
			playing.Go(func() error { return p.play(sampler, column) })
		}
		if err := playing.Wait(); err != nil {
			return Result{}, err
		}
		now.advance(step)
		sampler.Flush()
	}

	result.Columns = sampler.Snapshot(time.Time{}, time.Time{})
	for i, path := range paths {
		truth, err := trace.LoadTruth(path)
		if err != nil {
			return Result{}, err
		}
		result.Files = append(result.Files, File{
			Path: path, Rows: players[i].rows, Counts: players[i].counts, Truth: truth,
		})
	}
	return result, nil
}

// routeRange covers the keys of all traces, so that every part of the route may
// have some.
func routeRange(players []*player) (start, end []byte) {
	for _, p := range players {
		if p.keys.least == nil {
			continue
		}
		if start == nil || bytes.Compare(p.keys.least, start) < 0 {
			start = p.keys.least
		}
		if bytes.Compare(p.keys.greatest, end) > 0 {
			end = p.keys.greatest
		}
	}
	if end == nil {
		return nil, nil
	}
	return start, append(bytes.Clone(end), 0)
}

// Verify compares what was read with the truth files, and the columns with
// both, and returns one sentence for each difference.
func (r Result) Verify() []string {
	var diffs []string
	expected := make(traffic.ByLabel)
	for _, file := range r.Files {
		counts := file.Counts
		if file.Truth != nil {
			counts = traffic.ByLabel{file.Truth.Label: file.Truth.Counters()}
			if file.Rows != file.Truth.Rows {
				diffs = append(diffs, fmt.Sprintf("%s: the truth file says %d rows, read were %d",
					file.Path, file.Truth.Rows, file.Rows))
			}
		}
		for label, c := range counts {
			expected.Add(label, c)
		}
	}
	return append(diffs, traffic.Diff(expected, traffic.SumLabels(r.Columns))...)
}
