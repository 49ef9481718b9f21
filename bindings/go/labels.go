//go:build cgo

package keyviz

import "unsafe"

// labelTable finds the labels that a host passes as the constants of this package. The linker keeps the bytes of a
// constant once, so their address tells the label, and no byte is compared. Any other string goes the long way.
//
// It is a perfect hash: the factor is chosen so that no two of the addresses meet.
type labelTable struct {
	factor  uint64
	entries [1 << labelTableBits]knownLabel
}

const labelTableBits = 5

type knownLabel struct {
	address uintptr
	length  int // -1: no label
	// offsets are the bytes from a route's first cell to the operations of this label, by operation.
	offsets [2]uint64
}

const (
	cellOffset = uint64(unsafe.Sizeof(cell{}))
	opOffset   = uint64(unsafe.Sizeof(cell{}[0]))
)

var (
	// allLabels is for samplers that tell labels apart, mergedLabels for those that don't, and noLabels for those that
	// need more than the label to find the cell.
	allLabels    = newLabelTable(1, labels[:]...)
	mergedLabels = newLabelTable(0, labels[:]...)
	noLabels     = newLabelTable(0)
)

func newLabelTable(slots uint64, labels ...Label) *labelTable {
	t := &labelTable{factor: hashFactor}
	for !t.put(slots, labels) {
		t.factor = t.factor*hashFactor | 1
	}
	return t
}

func (t *labelTable) put(slots uint64, labels []Label) bool {
	for i := range t.entries {
		t.entries[i] = knownLabel{length: -1}
	}
	for _, label := range labels {
		address := uintptr(unsafe.Pointer(unsafe.StringData(string(label))))
		entry := &t.entries[t.home(address)]
		if entry.length >= 0 {
			return false
		}
		first := slots * uint64(label.number()) * cellOffset
		*entry = knownLabel{address, len(label), [2]uint64{OpRead: first, OpWrite: first + opOffset}}
	}
	return true
}

// home is where a label with its bytes at this address would be.
func (t *labelTable) home(address uintptr) uint64 {
	return uint64(address) * t.factor >> (64 - labelTableBits)
}
