//go:build cgo

package keyviz

// #include "bridge.h"
//
// #cgo nocallback keyviz_matrix_to_json
// #cgo noescape keyviz_matrix_to_json
// #cgo nocallback keyviz_matrix_to_proto
// #cgo noescape keyviz_matrix_to_proto
// #cgo nocallback keyviz_matrix_to_csv
// #cgo noescape keyviz_matrix_to_csv
// #cgo nocallback keyviz_matrix_to_png
// #cgo noescape keyviz_matrix_to_png
// #cgo nocallback keyviz_matrix_to_html
// #cgo noescape keyviz_matrix_to_html
// #cgo nocallback kv_matrix_from_json
// #cgo noescape kv_matrix_from_json
// #cgo nocallback kv_matrix_from_proto
// #cgo noescape kv_matrix_from_proto
// #cgo nocallback kv_live_page
// #cgo noescape kv_live_page
// #cgo nocallback keyviz_live_page_policy
// #cgo noescape keyviz_live_page_policy
// #cgo nocallback keyviz_merge_new
// #cgo noescape keyviz_merge_new
// #cgo nocallback keyviz_merge_add
// #cgo noescape keyviz_merge_add
// #cgo nocallback keyviz_merge_add_failure
// #cgo noescape keyviz_merge_add_failure
// #cgo nocallback keyviz_merge_finish
// #cgo noescape keyviz_merge_finish
// #cgo nocallback keyviz_merge_free
import "C"

import (
	"errors"
	"fmt"
	"unsafe"
)

// writer is a function of the library that writes into a buffer, and tells the size that it takes.
type writer func(buffer unsafe.Pointer, capacity C.size_t, size *C.size_t, err *C.keyviz_error_t) C.keyviz_status_t

// written is all that a writer has to write. The guess at its size, if it is large enough, saves a second call.
func written(guess int, write writer) ([]byte, error) {
	buffer := make([]byte, guess)
	for {
		var size C.size_t
		err := newError()
		status := write(unsafe.Pointer(unsafe.SliceData(buffer)), C.size_t(len(buffer)), &size, &err)
		if status == C.KEYVIZ_ERR_BUFFER_TOO_SMALL {
			buffer = make([]byte, size)
			continue
		}
		if err := errorOf(status, &err); err != nil {
			return nil, err
		}
		return buffer[:size:size], nil
	}
}

func (h matrixHandle) json() ([]byte, error) {
	return written(0, func(buffer unsafe.Pointer, capacity C.size_t, size *C.size_t, err *C.keyviz_error_t) C.keyviz_status_t {
		return C.keyviz_matrix_to_json(h.at, buffer, capacity, size, err)
	})
}

func (h matrixHandle) proto() ([]byte, error) {
	return written(0, func(buffer unsafe.Pointer, capacity C.size_t, size *C.size_t, err *C.keyviz_error_t) C.keyviz_status_t {
		return C.keyviz_matrix_to_proto(h.at, buffer, capacity, size, err)
	})
}

func (h matrixHandle) csv() ([]byte, error) {
	return written(0, func(buffer unsafe.Pointer, capacity C.size_t, size *C.size_t, err *C.keyviz_error_t) C.keyviz_status_t {
		return C.keyviz_matrix_to_csv(h.at, buffer, capacity, size, err)
	})
}

func (h matrixHandle) png(options PNGOptions) ([]byte, error) {
	drawn := C.keyviz_png_options_t{
		type_size: C.sizeof_keyviz_png_options_t,
		width:     C.uint32_t(options.Width), height: C.uint32_t(options.Height), scale: C.uint32_t(options.Scale),
	}
	return written(0, func(buffer unsafe.Pointer, capacity C.size_t, size *C.size_t, err *C.keyviz_error_t) C.keyviz_status_t {
		return C.keyviz_matrix_to_png(h.at, &drawn, buffer, capacity, size, err)
	})
}

// heatmapPage guesses the size, since the library doesn't keep a page that didn't fit, and would make it twice.
func heatmapPage(title string, matrices []matrixHandle) ([]byte, error) {
	if err := Ready(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisabled, err)
	}
	guess := 128 << 10
	handles := make([]*C.keyviz_matrix_t, len(matrices))
	for i, m := range matrices {
		rows, columns := m.shape()
		guess += rows*(columns*5+512) + columns*16
		handles[i] = m.at
	}
	return written(guess, func(buffer unsafe.Pointer, capacity C.size_t, size *C.size_t, err *C.keyviz_error_t) C.keyviz_status_t {
		return C.keyviz_matrix_to_html(unsafe.SliceData(handles), C.size_t(len(handles)), charsOf(title), C.size_t(len(title)),
			buffer, capacity, size, err)
	})
}

func livePage(options LivePageOptions) ([]byte, error) {
	if err := Ready(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisabled, err)
	}
	matrix, hotKeys, title := options.MatrixURL, options.HotKeysURL, options.Title
	return written(128<<10, func(buffer unsafe.Pointer, capacity C.size_t, size *C.size_t, err *C.keyviz_error_t) C.keyviz_status_t {
		return C.kv_live_page(charsOf(matrix), C.size_t(len(matrix)), charsOf(hotKeys), C.size_t(len(hotKeys)),
			charsOf(title), C.size_t(len(title)), C.uint32_t(clamp32(options.Rows)), buffer, capacity, size, err)
	})
}

func livePagePolicy() string {
	if Ready() != nil {
		return ""
	}
	policy, _ := written(512, func(buffer unsafe.Pointer, capacity C.size_t, size *C.size_t, err *C.keyviz_error_t) C.keyviz_status_t {
		return C.keyviz_live_page_policy((*C.char)(buffer), capacity, size, err)
	})
	return string(policy)
}

func cLimits(limits MatrixLimits) C.keyviz_limits_t {
	return C.keyviz_limits_t{
		type_size: C.sizeof_keyviz_limits_t,
		max_bytes: C.uint64_t(max(limits.MaxBytes, 0)),
		max_rows:  C.uint64_t(max(limits.MaxRows, 0)),
		max_cells: C.uint64_t(max(limits.MaxCells, 0)),
	}
}

func parseMatrixJSON(data []byte, limits MatrixLimits) (*Matrix, error) {
	if err := Ready(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisabled, err)
	}
	most := cLimits(limits)
	var at *C.keyviz_matrix_t
	err := newError()
	status := C.kv_matrix_from_json(chars(data), C.size_t(len(data)), &most, &at, &err)
	return newMatrix(at, status, &err)
}

func parseMatrixProto(data []byte, series Series, limits MatrixLimits) (*Matrix, error) {
	if err := Ready(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisabled, err)
	}
	most := cLimits(limits)
	var at *C.keyviz_matrix_t
	err := newError()
	status := C.kv_matrix_from_proto(chars(data), C.size_t(len(data)), C.uint32_t(series), &most, &at, &err)
	return newMatrix(at, status, &err)
}

// mergeHandle is a merge that is not freed.
type mergeHandle struct{ at *C.keyviz_merge_t }

func (h mergeHandle) free() { C.keyviz_merge_free(h.at) }

func newMerge(options MergeOptions) (*Merge, error) {
	if err := Ready(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisabled, err)
	}
	tolerance := C.int64_t(options.ColumnTolerance)
	switch {
	case options.ColumnTolerance == 0:
		tolerance = C.KEYVIZ_TOLERANCE_DEFAULT
	case options.ColumnTolerance < 0:
		tolerance = 0
	}
	asked := C.keyviz_merge_options_t{
		type_size:           C.sizeof_keyviz_merge_options_t,
		column_tolerance_ns: tolerance,
		nodes_expected:      C.uint64_t(max(options.NodesExpected, 0)),
		series:              C.uint32_t(options.Series),
		row_budget:          C.uint32_t(clamp32(options.Rows)),
		budget_mode:         C.uint32_t(options.Mode),
	}
	var at *C.keyviz_merge_t
	err := newError()
	if err := errorOf(C.keyviz_merge_new(&asked, &at, &err), &err); err != nil {
		return nil, err
	}
	g := &Merge{}
	own(g, &g.owner, mergeHandle{at}, mergeHandle.free)
	return g, nil
}

func (h mergeHandle) add(m matrixHandle, node string) (counted bool, _ error) {
	var one C.uint32_t
	err := newError()
	status := C.keyviz_merge_add(h.at, m.at, charsOf(node), C.size_t(len(node)), &one, &err)
	return one != 0, errorOf(status, &err)
}

func (h mergeHandle) addFailure(node, reason string) error {
	err := newError()
	status := C.keyviz_merge_add_failure(h.at, charsOf(node), C.size_t(len(node)), charsOf(reason), C.size_t(len(reason)), &err)
	return errorOf(status, &err)
}

func (h mergeHandle) finish() (*Matrix, error) {
	var at *C.keyviz_matrix_t
	err := newError()
	status := C.keyviz_merge_finish(h.at, &at, &err)
	merged, failure := newMatrix(at, status, &err)
	if errors.Is(failure, ErrInvalidArgument) {
		// Another goroutine was first.
		return nil, fmt.Errorf("%w: the merge is finished", ErrClosed)
	}
	return merged, failure
}
