package keyviz

import (
	"fmt"
	"io"
)

// What goes to or comes from a response, a request, or a file. Errors of the writer and the reader are returned as they
// are.

const (
	defaultMatrixBytes  = 64 << 20
	defaultHotKeysBytes = 16 << 20
)

// WriteJSON writes [Matrix.JSON].
func (m *Matrix) WriteJSON(w io.Writer) error { return writeForm(w, m.JSON) }

// WriteProto writes [Matrix.Proto].
func (m *Matrix) WriteProto(w io.Writer) error { return writeForm(w, m.Proto) }

// WriteCSV writes [Matrix.CSV].
func (m *Matrix) WriteCSV(w io.Writer) error { return writeForm(w, m.CSV) }

// ReadMatrixJSON is [ParseMatrixJSON] of all that r has, of which it reads no more than the limit and a byte.
func ReadMatrixJSON(r io.Reader, limits MatrixLimits) (*Matrix, error) {
	data, err := readAtMost(r, limits.MaxBytes, defaultMatrixBytes)
	if err != nil {
		return nil, err
	}
	return ParseMatrixJSON(data, limits)
}

// ReadMatrixProto is [ParseMatrixProto] of all that r has, of which it reads no more than the limit and a byte.
func ReadMatrixProto(r io.Reader, series Series, limits MatrixLimits) (*Matrix, error) {
	data, err := readAtMost(r, limits.MaxBytes, defaultMatrixBytes)
	if err != nil {
		return nil, err
	}
	return ParseMatrixProto(data, series, limits)
}

// WriteJSON writes [HotKeys.JSON].
func (k *HotKeys) WriteJSON(w io.Writer) error { return writeForm(w, k.JSON) }

// ReadHotKeysJSON is [ParseHotKeysJSON] of all that r has, of which it reads no more than the limit and a byte.
func ReadHotKeysJSON(r io.Reader, maxBytes int) (*HotKeys, error) {
	data, err := readAtMost(r, maxBytes, defaultHotKeysBytes)
	if err != nil {
		return nil, err
	}
	return ParseHotKeysJSON(data, maxBytes)
}

// WriteHistory writes [MemSampler.SaveHistory].
func (s *MemSampler) WriteHistory(w io.Writer) error { return writeForm(w, s.SaveHistory) }

// ReadHistory is [MemSampler.LoadHistory] of all that r has.
func (s *MemSampler) ReadHistory(r io.Reader) error {
	image, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return s.LoadHistory(image)
}

func writeForm(w io.Writer, form func() ([]byte, error)) error {
	data, err := form()
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

func readAtMost(r io.Reader, most, byDefault int) ([]byte, error) {
	if most <= 0 {
		most = byDefault
	}
	data, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err == nil && len(data) > most {
		err = fmt.Errorf("%w: more than %d bytes", ErrTooLarge, most)
	}
	return data, err
}
