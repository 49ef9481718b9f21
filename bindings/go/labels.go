//go:build cgo

package keyviz

import "unsafe"

// labelTable finds the labels that a host passes as the constants of this package. The linker keeps the bytes of a
// constant once, so their address tells the label, and no byte is compared. Any other string goes the long way.
//
// It is a perfect hash: the factor is chosen so that no two of the addresses meet.
type labelTable struct {
	factor    uint64
	addresses [1 << labelTableBits]uintptr
	lengths   [1 << labelTableBits]int // -1: no label; see divides
	// offsets are the bytes from a route's first cell to the operations of a label, by (place of the label, operation).
	offsets [2 << labelTableBits]uint64
}

const labelTableBits = 5

const (
	cellOffset = uint64(unsafe.Sizeof(cell{}))
	opOffset   = uint64(unsafe.Sizeof(cell{}[0]))
)

// newLabelTable makes a table: stride is the number of cells from label to label; 0: labels aren't told apart.
func newLabelTable(stride int) (t labelTable) {
	for t.factor = hashFactor; !t.put(stride); t.factor = t.factor*hashFactor | 1 {
	}
	return
}

// divides is what stands for a label's length where the cell depends on the key, too: so that this is told in the same
// comparison.
func divides(length int) int { return -2 - length }

// put enters the labels; false: two of them meet.
func (t *labelTable) put(stride int) bool {
	*t = labelTable{factor: t.factor}
	t.clear()
	for _, label := range labels {
		address := uintptr(unsafe.Pointer(unsafe.StringData(string(label))))
		i := t.home(address)
		if t.lengths[i] >= 0 {
			return false
		}
		t.addresses[i], t.lengths[i] = address, len(label)
		first := uint64(label.number()) * uint64(stride) * cellOffset
		t.offsets[2*i+uint64(OpRead)], t.offsets[2*i+uint64(OpWrite)] = first, first+opOffset
	}
	return true
}

// clear makes it a table that finds nothing.
func (t *labelTable) clear() {
	for i := range t.lengths {
		t.lengths[i] = -1
	}
}

// home is where a label with its bytes at this address would be.
func (t *labelTable) home(address uintptr) uint64 {
	return uint64(address) * t.factor >> (64 - labelTableBits)
}
