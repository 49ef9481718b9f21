package keyviz

import (
	"errors"
	"time"
)

// MoreOptions are options beyond those of [MemSamplerOptions]. The zero value changes nothing.
type MoreOptions struct {
	// MemoryLimitBytes is a budget for counters, routes, history and hot keys; 0: none. Routes that no longer fit fold into
	// the virtual bucket, the history drops its oldest columns, and samples of hot keys are dropped.
	MemoryLimitBytes uint64
	// Resolutions: columns that leave the history are summed up in columns of the first resolution, those that leave
	// it in columns of the second, and so on; at most four, each a multiple of the one before (the first: of the step).
	// None: they are dropped.
	Resolutions []Resolution
	// HotKeysSeries says whose keys are sampled, where hot keys are on; default: those of writes.
	HotKeysSeries HotKeysSeries
	// HotKeysInColumns keeps the top 8 keys of each route, label and series with each column, where hot keys are on; see
	// [HotKeysQuery].Column.
	HotKeysInColumns bool
}

// Resolution is one of coarser columns: each spans Step, and is kept for Retention.
type Resolution struct {
	Step, Retention time.Duration
}

// NewMemSamplerWith is [NewMemSampler] with more options. Errors: [ErrDisabled], with the reason that [Ready] gives;
// [ErrInvalidArgument], where the options don't go together. The sampler is nil then.
func NewMemSamplerWith(opts MemSamplerOptions, more MoreOptions) (*MemSampler, error) {
	c, err := newCore(opts, more)
	if c == nil {
		return nil, err
	}
	s := &MemSampler{}
	s.core.Store(c)
	return s, nil
}

// HotKeysSeries says whose keys are sampled.
type HotKeysSeries uint8

// The choices. Each series has sketches of its own.
const (
	HotKeysWrites HotKeysSeries = 0
	HotKeysReads  HotKeysSeries = 1
	HotKeysBoth   HotKeysSeries = 2
)

// The reasons why a saved history is refused.
var (
	ErrCorruptHistory = errors.New("keyviz: the saved history is damaged or cut")
	ErrNewerHistory   = errors.New("keyviz: the saved history is a newer library's")
)

// SaveHistory returns the history as one byte string, versioned and checksummed, for a file or a database; nil of a nil
// or closed sampler.
func (s *MemSampler) SaveHistory() ([]byte, error) {
	if c := s.open(); c != nil {
		return c.saveHistory()
	}
	return nil, nil
}

// LoadHistory takes over a history that was saved, before the first Flush. What the options have no room for is left
// out. Its times are those of the wall clock, in the location of the sampler's own. All or nothing.
//
// Errors: [ErrCorruptHistory], [ErrNewerHistory], or a message, where there was a Flush already. On a nil or closed
// sampler nothing happens.
func (s *MemSampler) LoadHistory(image []byte) error {
	if c := s.open(); c != nil {
		return c.loadHistory(image)
	}
	return nil
}

// SaveHistoryFile saves the history into a file, which is replaced atomically: after a crash it holds the old history or
// the new one. On a nil or closed sampler nothing happens.
func (s *MemSampler) SaveHistoryFile(path string) error {
	if c := s.open(); c != nil {
		return c.saveHistoryFile(path)
	}
	return nil
}

// LoadHistoryFile is [MemSampler.LoadHistory] from a file. If there is no such file, the error is [io/fs.ErrNotExist], as
// it is before the first SaveHistoryFile.
func (s *MemSampler) LoadHistoryFile(path string) error {
	if c := s.open(); c != nil {
		return c.loadHistoryFile(path)
	}
	return nil
}
