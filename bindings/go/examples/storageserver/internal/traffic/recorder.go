// Package traffic says what one access counts as, and adds up what was counted.
package traffic

import keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

// Recorder is what a front end holds of the sampler: the route that its keys
// belong to and the label of its protocol are fixed once, so that a front end
// can't put its traffic under another one's name.
type Recorder struct {
	sampler keyviz.Sampler
	routeID uint64
	label   keyviz.Label
}

// NewRecorder returns the recorder of one front end.
func NewRecorder(sampler keyviz.Sampler, routeID uint64, label keyviz.Label) Recorder {
	return Recorder{sampler: sampler, routeID: routeID, label: label}
}

// Label is the label under which the recorder counts.
func (r Recorder) Label() keyviz.Label { return r.label }

// Read counts one read of key that returned valueLen bytes; 0 for a miss, and
// for a request that asks about a value without fetching it.
func (r Recorder) Read(key []byte, valueLen int) {
	r.sampler.Observe(r.routeID, key, keyviz.OpRead, valueLen, r.label)
}

// Write counts one write of valueLen bytes to key; 0 for a delete.
func (r Recorder) Write(key []byte, valueLen int) {
	r.sampler.Observe(r.routeID, key, keyviz.OpWrite, valueLen, r.label)
}
