//go:build !cgo

package keyvizhttp

import (
	"net/http/httptest"
	"strings"
	"testing"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

func TestWithoutCgoEveryAnswerSaysThatItIsOff(t *testing.T) {
	h, err := New(Options{Sampler: keyviz.NewMemSampler(keyviz.MemSamplerOptions{})})
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/keyviz/", "/keyviz/matrix", "/keyviz/matrix?series=none", "/keyviz/hotkeys", "/keyviz/hotkeys?route_id=1"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if w.Code != 503 || !strings.Contains(w.Body.String(), `"keyviz_disabled"`) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}
