//go:build !cgo

package keyviz

import (
	"errors"
	"time"
)

// Enabled tells whether this build counts: it needs cgo. Without it, the package compiles and every sampler is off.
const Enabled = false

// Version is the version of the library that is linked, "x.y.z"; "" without cgo.
func Version() string { return "" }

// Ready tells why samplers of this build don't count, if they don't: no cgo, or a shared library that doesn't fit the
// header that the package was built with.
func Ready() error { return errors.New("keyviz: built without cgo, every sampler is off") }

// Observe does nothing: this is a build without cgo.
func (s *MemSampler) Observe(routeID uint64, key []byte, op Op, valueLen int, label Label) {}

// core is never made: every sampler is as if it were closed.
type core struct{ options MemSamplerOptions }

func newCore(MemSamplerOptions, MoreOptions) (*core, error)           { return nil, disabled() }
func (*core) close()                                                  {}
func (*core) registerRoute(uint64, []byte, []byte, uint64) bool       { return false }
func (*core) registerRoutes(r []Route, _ []uint64) ([]bool, error)    { return make([]bool, len(r)), nil }
func (*core) removeRoute(uint64)                                      {}
func (*core) setLeaderTerm(uint64, uint64)                            {}
func (*core) flush()                                                  {}
func (*core) snapshot(time.Time, time.Time) []MatrixColumn            { return nil }
func (*core) visitColumns(_, _ time.Time, _ func(MatrixColumn) bool)  {}
func (*core) lineage(time.Time, time.Time) map[uint64][]uint64        { return nil }
func (*core) subBucketBounds(uint64, uint32) (lo, hi []byte, ok bool) { return nil, nil, false }
func (*core) stats() Stats                                            { return Stats{} }
func (*core) pollEvents() []Event                                     { return nil }
func (*core) publishHotKeys() error                                   { return nil }
func (*core) hotKeysSnapshot(uint64, Label) *KeyvizHotKeysSnapshot    { return nil }
func (*core) saveHistory() ([]byte, error)                            { return nil, nil }
func (*core) loadHistory([]byte) error                                { return nil }
func (*core) saveHistoryFile(string) error                            { return nil }
func (*core) loadHistoryFile(string) error                            { return nil }
