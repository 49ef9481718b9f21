package trace

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

// Truth is what a trace is known to hold, computed from the file itself without
// any sampler.
type Truth struct {
	Label   keyviz.Label `json:"label"`
	Rows    uint64       `json:"rows"`
	Reads   Total        `json:"reads"`
	Writes  Total        `json:"writes"`
	Minutes Minutes      `json:"minutes"`
}

// Total counts the accesses of one kind; bytes are key_len plus value_len.
type Total struct {
	Count uint64 `json:"count"`
	Bytes uint64 `json:"bytes"`
}

// Minutes maps floor(ts_ms / 60000) to the accesses of that minute; a minute
// without any is absent.
type Minutes map[int64]traffic.Counters

// Counters returns the totals in the sampler's terms.
func (t Truth) Counters() traffic.Counters {
	return traffic.Counters{
		Reads: t.Reads.Count, ReadBytes: t.Reads.Bytes,
		Writes: t.Writes.Count, WriteBytes: t.Writes.Bytes,
	}
}

// LoadTruth reads the truth file beside a trace: name.truth.json for
// name.csv.zst. A trace without one gives nil and no error.
func LoadTruth(tracePath string) (*Truth, error) {
	extension, _ := extensionOf(tracePath)
	path := strings.TrimSuffix(tracePath, extension) + ".truth.json"
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var truth Truth
	if err := json.Unmarshal(data, &truth); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &truth, nil
}
