//go:build cgo

package keyviz

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func withSomeTraffic(t *testing.T) *MemSampler {
	s, clock := newTestSampler(t, MemSamplerOptions{KeyVizLabelsEnabled: true, HotKeysEnabled: true, HotKeysSampleRate: 1})
	s.RegisterRoute(1, nil, []byte("m"), 1)
	s.RegisterRoute(2, []byte("m"), nil, 1)
	for i := range 5 {
		for range i {
			s.Observe(1, []byte("a"), OpWrite, 1, LabelRedis)
			s.Observe(2, []byte("z"), OpWrite, 1, LabelS3)
		}
		clock.Advance(time.Minute)
		s.Flush()
	}
	if err := s.PublishHotKeys(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	s := withSomeTraffic(t)
	m, err := s.Matrix(MatrixQuery{Series: SeriesWrites})
	if err != nil {
		t.Fatal(err)
	}
	hot, err := s.HotKeys(HotKeysQuery{RouteID: 1, Label: LabelRedis, Series: SeriesWrites})
	if err != nil {
		t.Fatal(err)
	}
	for name, one := range map[string]struct {
		write func(io.Writer) error
		form  func() ([]byte, error)
		again func(io.Reader) ([]byte, error)
	}{
		"JSON": {m.WriteJSON, m.JSON, func(r io.Reader) ([]byte, error) {
			read, err := ReadMatrixJSON(r, MatrixLimits{})
			if err != nil {
				return nil, err
			}
			return read.JSON()
		}},
		"protobuf": {m.WriteProto, m.Proto, func(r io.Reader) ([]byte, error) {
			read, err := ReadMatrixProto(r, SeriesWrites, MatrixLimits{})
			if err != nil {
				return nil, err
			}
			return read.Proto()
		}},
		"CSV": {m.WriteCSV, m.CSV, io.ReadAll},
		"hot keys": {hot.WriteJSON, hot.JSON, func(r io.Reader) ([]byte, error) {
			read, err := ReadHotKeysJSON(r, 0)
			if err != nil {
				return nil, err
			}
			return read.JSON()
		}},
		"history": {s.WriteHistory, s.SaveHistory, func(r io.Reader) ([]byte, error) {
			loaded, _ := newTestSampler(t, MemSamplerOptions{KeyVizLabelsEnabled: true})
			if err := loaded.ReadHistory(r); err != nil {
				return nil, err
			}
			return loaded.SaveHistory()
		}},
	} {
		var written bytes.Buffer
		if err := one.write(&written); err != nil {
			t.Fatal(name, err)
		}
		form, err := one.form()
		if err != nil || !bytes.Equal(form, written.Bytes()) {
			t.Errorf("%s: other bytes are written than given: %v", name, err)
		}
		again, err := one.again(&written)
		if err != nil || !bytes.Equal(form, again) {
			t.Errorf("%s: something else is read than was written: %v", name, err)
		}
		broken, w := io.Pipe()
		broken.CloseWithError(iotest.ErrTimeout)
		if err := one.write(w); !errors.Is(err, iotest.ErrTimeout) {
			t.Errorf("%s: the writer's error is %v", name, err)
		}
		if name == "CSV" {
			continue
		}
		if _, err := one.again(iotest.ErrReader(iotest.ErrTimeout)); !errors.Is(err, iotest.ErrTimeout) {
			t.Errorf("%s: the reader's error is %v", name, err)
		}
	}
	packed, err := json.Marshal(map[string]any{"matrix": m, "hot": hot, "none": (*HotKeys)(nil)})
	if err != nil || !strings.Contains(string(packed), `"sampled_n":10`) || !strings.Contains(string(packed), `"none":null`) {
		t.Errorf("%s, %v", packed, err)
	}
}

// spaces has no end.
type spaces struct{ read int }

func (s *spaces) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	s.read += len(b)
	return len(b), nil
}

func TestAReaderIsNotReadPastTheLimit(t *testing.T) {
	for name, read := range map[string]func(io.Reader) error{
		"JSON": func(r io.Reader) error { _, err := ReadMatrixJSON(r, MatrixLimits{MaxBytes: 1000}); return err },
		"protobuf": func(r io.Reader) error {
			_, err := ReadMatrixProto(r, SeriesReads, MatrixLimits{MaxBytes: 1000})
			return err
		},
		"hot keys": func(r io.Reader) error { _, err := ReadHotKeysJSON(r, 1000); return err },
	} {
		endless := &spaces{}
		if err := read(endless); !errors.Is(err, ErrTooLarge) || endless.read > 1001 {
			t.Errorf("%s: %v after %d bytes", name, err, endless.read)
		}
	}
}

func TestColumnsOneByOneAreThoseOfASnapshot(t *testing.T) {
	s := withSomeTraffic(t)
	want := s.Snapshot(time.Time{}, time.Time{})
	var got []MatrixColumn
	for column := range s.Columns(time.Time{}, time.Time{}) {
		got = append(got, column)
		s.Flush() // goes on meanwhile, and isn't seen
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for column := range s.Columns(want[1].At, want[3].At) {
		if !reflect.DeepEqual(column, want[1]) {
			t.Errorf("the first is %v", column)
		}
		break
	}
	s.Close()
	for range s.Columns(time.Time{}, time.Time{}) {
		t.Error("a closed sampler has columns")
	}
}

func TestErrorsCanBeToldApart(t *testing.T) {
	s := withSomeTraffic(t)
	missing := filepath.Join(t.TempDir(), "missing")
	_, ofMerge := s.ApplyMerge(nil, Route{})
	_, ofOptions := NewMemSamplerWith(MemSamplerOptions{}, MoreOptions{Resolutions: make([]Resolution, 9)})
	_, ofResolution := NewMemSamplerWith(MemSamplerOptions{}, MoreOptions{Resolutions: []Resolution{{Step: -1, Retention: 1}}})
	fresh, _ := newTestSampler(t, MemSamplerOptions{})
	for name, one := range map[string]struct{ err, want error }{
		"a merge of nothing":   {ofMerge, ErrInvalidArgument},
		"too many resolutions": {ofOptions, ErrInvalidArgument},
		"a negative step":      {ofResolution, ErrInvalidArgument},
		"a zero in a path":     {s.SaveHistoryFile("a\x00b"), ErrInvalidArgument},
		"no such file":         {fresh.LoadHistoryFile(missing), fs.ErrNotExist},
		"a damaged history":    {fresh.ReadHistory(strings.NewReader("?")), ErrCorruptHistory},
	} {
		if !errors.Is(one.err, one.want) {
			t.Errorf("%s: %v, want %v", name, one.err, one.want)
		}
	}
	if err := s.SaveHistoryFile(filepath.Join(missing, "history")); err == nil {
		t.Error("saved where there is no directory")
	}
}
