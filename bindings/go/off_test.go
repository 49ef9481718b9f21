//go:build !cgo

package keyviz

import (
	"errors"
	"testing"
	"time"
)

func TestWithoutCgoEverySamplerIsOff(t *testing.T) {
	if Enabled || Ready() == nil || Version() != "" {
		t.Error("it doesn't say so")
	}
	s := NewMemSampler(MemSamplerOptions{Step: time.Second})
	if s == nil || s.RegisterRoute(1, nil, nil, 0) || s.Step() != DefaultStep {
		t.Error("it isn't off")
	}
	s.Observe(1, nil, OpRead, 0, LabelRedis)
	s.Flush()
	s.RemoveRoute(1)
	s.SetLeaderTerm(1, 1)
	if s.Snapshot(time.Time{}, time.Time{}) != nil || len(s.RegisterRoutes(make([]Route, 2))) != 2 {
		t.Error("it has data")
	}
	s.Close()
	_, ofSampler := s.Matrix(MatrixQuery{})
	_, ofColumns := MatrixFromColumns(nil, MatrixQuery{})
	_, ofJSON := ParseMatrixJSON(nil, MatrixLimits{})
	_, ofMerge := NewMerge(MergeOptions{})
	_, page := LivePage(LivePageOptions{MatrixURL: "matrix"})
	_, hotKeys := s.HotKeys(HotKeysQuery{})
	_, hotKeysOfJSON := ParseHotKeysJSON(nil, 0)
	_, hotKeysQuery := ParseHotKeysQuery("route_id=1")
	_, hotKeysOfMerge := MergeHotKeys(nil, 0)
	for i, err := range []error{
		ofSampler, ofColumns, ofJSON, ofMerge, page,
		s.PublishHotKeys(), hotKeys, hotKeysOfJSON, hotKeysQuery, hotKeysOfMerge,
	} {
		if !errors.Is(err, ErrDisabled) {
			t.Errorf("%d: %v", i, err)
		}
	}
	var m *Matrix
	if _, err := m.JSON(); !errors.Is(err, ErrClosed) || LivePagePolicy() != "" {
		t.Error("there is a matrix")
	}
}
