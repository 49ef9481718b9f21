package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/loadgen"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

const (
	// flushTimeout is how long Check waits for what was counted to be flushed.
	flushTimeout = 10 * time.Second
	// answerTimeout is more than a node waits for its peers.
	answerTimeout = 10 * time.Second
)

// Check fails unless the heatmap that a node shows equals what the clients of all
// nodes that are left were acknowledged. The reports are all there were, in the
// order of the nodes, and nothing may be sent meanwhile.
func (c *Cluster) Check(ctx context.Context, reports []loadgen.Report) error {
	alive := c.alive()
	if len(alive) == 0 {
		return errors.New("no node is left")
	}
	want := make(traffic.ByLabel)
	for i, m := range c.Members {
		if m.isAlive() {
			for label, counters := range reports[i].Acknowledged() {
				want.Add(label, counters)
			}
		}
	}
	for began := time.Now(); ; {
		got, err := totals(ctx, alive[0].Page())
		if err != nil {
			return fmt.Errorf("heatmap of %s: %w", alive[0].Name, err)
		}
		diffs := traffic.Diff(want, got)
		if len(diffs) == 0 {
			return nil
		}
		if time.Since(began) > flushTimeout {
			return fmt.Errorf("the heatmap is not what the clients sent:\n  %s", strings.Join(diffs, "\n  "))
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// totals adds up what the heatmap at a URL shows, label by label.
func totals(ctx context.Context, page string) (traffic.ByLabel, error) {
	sums := make(traffic.ByLabel)
	for series, counter := range map[keyviz.Series]func(uint64) traffic.Counters{
		keyviz.SeriesReads:      func(n uint64) traffic.Counters { return traffic.Counters{Reads: n} },
		keyviz.SeriesWrites:     func(n uint64) traffic.Counters { return traffic.Counters{Writes: n} },
		keyviz.SeriesReadBytes:  func(n uint64) traffic.Counters { return traffic.Counters{ReadBytes: n} },
		keyviz.SeriesWriteBytes: func(n uint64) traffic.Counters { return traffic.Counters{WriteBytes: n} },
	} {
		m, err := askForMatrix(ctx, page, series)
		if err != nil {
			return nil, err
		}
		for i, row := range m.Rows() {
			for _, value := range m.Values(i) {
				sums.Add(row.Label, counter(value))
			}
		}
		m.Close()
	}
	return sums, nil
}

func askForMatrix(ctx context.Context, page string, series keyviz.Series) (*keyviz.Matrix, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page+"matrix?series="+keyviz.SeriesName(series), nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", response.Status, body)
	}
	return keyviz.ParseMatrixJSON(body, keyviz.MatrixLimits{})
}
