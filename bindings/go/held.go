package keyviz

import (
	"runtime"
	"sync/atomic"
)

// held is something of the library's that Go code owns. It is freed once: when its owner is closed or collected, and no
// call uses it any more. So Close waits for nobody, and nobody needs a lock against it.
type held[T any] struct {
	// users are the calls that use it, and one more for the owner.
	users atomic.Int64
	thing T
	free  func(T)
}

// owner is a place for something held; the zero owner has nothing.
type owner[T any] struct {
	held    atomic.Pointer[held[T]]
	cleanup runtime.Cleanup
}

// own makes the owner, which lies in `in`, hold a thing.
func own[T, In any](in *In, o *owner[T], thing T, free func(T)) {
	h := &held[T]{thing: thing, free: free}
	h.users.Store(1)
	o.held.Store(h)
	o.cleanup = runtime.AddCleanup(in, (*held[T]).release, h)
}

// acquire is for a call: nil, if there is nothing (any more); otherwise release it afterwards.
func (o *owner[T]) acquire() *held[T] {
	h := o.held.Load()
	if h == nil {
		return nil
	}
	for {
		users := h.users.Load()
		if users == 0 {
			return nil
		}
		if h.users.CompareAndSwap(users, users+1) {
			return h
		}
	}
}

func (h *held[T]) release() {
	if h.users.Add(-1) == 0 {
		h.free(h.thing)
	}
}

// close gives up what the owner holds.
func (o *owner[T]) close() {
	if h := o.held.Swap(nil); h != nil {
		o.cleanup.Stop()
		h.release()
		runtime.KeepAlive(o)
	}
}
