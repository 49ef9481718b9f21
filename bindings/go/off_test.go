//go:build !cgo

package keyviz

import (
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
}
