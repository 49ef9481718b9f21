package replay

import (
	"bytes"
	"errors"
	"io"
	"math/bits"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/trace"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

// span is the time that a trace covers, both ends included, in milliseconds of
// its own clock.
type span struct {
	firstMS, lastMS int64
}

// keyRange is the least and the greatest key of a trace; nil: it has none.
type keyRange struct {
	least, greatest []byte
}

// scan reads a trace to its end to learn its span and its keys.
func scan(path string, progress io.Writer) (s span, keys keyRange, err error) {
	r, err := trace.Open(path, progress)
	if err != nil {
		return span{}, keyRange{}, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for first := true; ; first = false {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return s, keys, nil
		}
		if err != nil {
			return span{}, keyRange{}, err
		}
		if first {
			s.firstMS = row.TimeMS
		}
		s.lastMS = row.TimeMS
		if first || bytes.Compare(row.Key, keys.least) < 0 {
			keys.least = append(keys.least[:0], row.Key...)
		}
		if bytes.Compare(row.Key, keys.greatest) > 0 {
			keys.greatest = append(keys.greatest[:0], row.Key...)
		}
	}
}

// column returns the one of n equal parts of the span that a time lies in.
func (s span) column(timeMS int64, n int) int {
	// The product needs 128 bits. Times are never negative, so the length fits
	// in 64, and the quotient is less than n.
	length := uint64(s.lastMS-s.firstMS) + 1
	hi, lo := bits.Mul64(uint64(timeMS-s.firstMS), uint64(n))
	quotient, _ := bits.Div64(hi, lo, length)
	return int(quotient)
}

// player feeds one trace into the sampler, column by column.
type player struct {
	reader  *trace.Reader
	span    span
	keys    keyRange
	columns int

	// next is the row that comes after those observed so far; more is false once
	// there is none.
	next trace.Row
	more bool

	rows   uint64
	counts traffic.ByLabel
}

func newPlayer(path string, columns int, progress io.Writer) (*player, error) {
	s, keys, err := scan(path, progress)
	if err != nil {
		return nil, err
	}
	r, err := trace.Open(path, progress)
	if err != nil {
		return nil, err
	}
	p := &player{reader: r, span: s, keys: keys, columns: columns, counts: make(traffic.ByLabel)}
	if err := p.advance(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return p, nil
}

func (p *player) advance() error {
	row, err := p.reader.Next()
	p.more = err == nil
	if errors.Is(err, io.EOF) {
		return nil
	}
	p.next = row
	return err
}

// play observes the rows that lie in one column. Columns must be played in
// order.
func (p *player) play(sampler keyviz.Sampler, column int) error {
	for p.more && p.span.column(p.next.TimeMS, p.columns) == column {
		row := p.next
		sampler.Observe(routeID, row.Key, row.Op, row.ValueLen, row.Label)
		counts := p.counts[row.Label]
		if row.Op == keyviz.OpRead {
			counts.AddRead(len(row.Key), row.ValueLen)
		} else {
			counts.AddWrite(len(row.Key), row.ValueLen)
		}
		p.counts[row.Label] = counts
		p.rows++
		if err := p.advance(); err != nil {
			return err
		}
	}
	return nil
}
