//go:build !cgo

package keyviz

import (
	"fmt"
	"time"
)

// There is never a matrix or a merge in this build.
type (
	matrixHandle  struct{}
	mergeHandle   struct{}
	hotKeysHandle struct{}
)

func disabled() error { return fmt.Errorf("%w: %w", ErrDisabled, Ready()) }

func (*core) matrix(MatrixQuery) (*Matrix, error)                          { return nil, disabled() }
func matrixFromColumns([]MatrixColumn, MatrixQuery) (*Matrix, error)       { return nil, disabled() }
func parseMatrixJSON([]byte, MatrixLimits) (*Matrix, error)                { return nil, disabled() }
func parseMatrixProto([]byte, Series, MatrixLimits) (*Matrix, error)       { return nil, disabled() }
func heatmapPage(string, []matrixHandle) ([]byte, error)                   { return nil, disabled() }
func livePage(LivePageOptions) ([]byte, error)                             { return nil, disabled() }
func livePagePolicy() string                                               { return "" }
func (*core) hotKeys(HotKeysQuery) (*HotKeys, error)                       { return nil, disabled() }
func parseHotKeysJSON([]byte, int) (*HotKeys, error)                       { return nil, disabled() }
func parseHotKeysQuery(string) (HotKeysQuery, error)                       { return HotKeysQuery{}, disabled() }
func mergeHotKeys([]HotKeysSource, []hotKeysHandle, int) (*HotKeys, error) { return nil, disabled() }
func (hotKeysHandle) info() HotKeysInfo                                    { return HotKeysInfo{} }
func (hotKeysHandle) keys() []HotKey                                       { return nil }
func (hotKeysHandle) json() ([]byte, error)                                { return nil, disabled() }
func newMerge(MergeOptions) (*Merge, error)                                { return nil, disabled() }
func (matrixHandle) info() info                                            { return info{} }
func (matrixHandle) shape() (rows, columns int)                            { return 0, 0 }
func (matrixHandle) columns() []time.Time                                  { return nil }
func (matrixHandle) row(int) SeriesRow                                     { return SeriesRow{} }
func (matrixHandle) values(int) []uint64                                   { return nil }
func (matrixHandle) conflicts(int) []bool                                  { return nil }
func (matrixHandle) identities(int) (groupIDs, leaderTerms []uint64)       { return nil, nil }
func (matrixHandle) verdict(int) Verdict                                   { return Verdict{} }
func (matrixHandle) splits() []Split                                       { return nil }
func (matrixHandle) json() ([]byte, error)                                 { return nil, disabled() }
func (matrixHandle) proto() ([]byte, error)                                { return nil, disabled() }
func (matrixHandle) csv() ([]byte, error)                                  { return nil, disabled() }
func (matrixHandle) png(PNGOptions) ([]byte, error)                        { return nil, disabled() }
func (mergeHandle) add(matrixHandle, string) (bool, error)                 { return false, disabled() }
func (mergeHandle) addFailure(node, reason string) error                   { return disabled() }
func (mergeHandle) finish() (*Matrix, error)                               { return nil, disabled() }
