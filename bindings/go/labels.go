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
	// Both by (place of the label, operation): lengths (-1: no label; see divides and samples), and the bytes from a route's
	// first cell to the operation of the label.
	lengths [2 << labelTableBits]int
	offsets [2 << labelTableBits]uint64
}

const labelTableBits = 5

const (
	cellOffset = uint64(unsafe.Sizeof(cell{}))
	opOffset   = uint64(unsafe.Sizeof(cell{}[0]))
)

// newLabelTable makes the table of a sampler with these options, that samples the keys of a series if its bit is set.
func newLabelTable(options *MemSamplerOptions, series uint32) (t labelTable) {
	for t.factor = hashFactor; !t.put(options, series); t.factor = t.factor*hashFactor | 1 {
	}
	return
}

// divides is what stands for a label's length where the cell depends on the key, too: so that this is told in the same
// comparison.
func divides(length int) int { return -2 - length }

// samples is what stands for a label's length where the operation's keys are sampled. No label is so long.
func samples(length int) int { return 1<<30 + length }

// put enters the labels; false: two of them meet.
func (t *labelTable) put(options *MemSamplerOptions, series uint32) bool {
	*t = labelTable{factor: t.factor}
	t.clear()
	for _, label := range labels {
		address := uintptr(unsafe.Pointer(unsafe.StringData(string(label))))
		home := t.home(address)
		if t.lengths[2*home] != -1 {
			return false
		}
		t.addresses[home] = address
		for op := range uint64(2) {
			length, cell := len(label), uint64(label.number())
			switch {
			case series>>op&1 != 0:
				length = samples(length)
			case options.KeyBucketsPerRoute > 1:
				length, cell = divides(length), cell*uint64(options.KeyBucketsPerRoute)
			}
			if !options.KeyVizLabelsEnabled {
				cell = 0
			}
			t.lengths[2*home+op], t.offsets[2*home+op] = length, cell*cellOffset+op*opOffset
		}
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
