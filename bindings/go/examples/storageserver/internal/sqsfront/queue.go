package sqsfront

import (
	"container/heap"
	"container/list"
	"crypto/rand"
	"sync"
	"time"
)

// message is what a queue knows of a message; its body is in the store.
type message struct {
	id       string
	sent     time.Time
	received int // how often

	// Either it can be received, and is in the queue's list, or it is hidden
	// until a time, and is in its heap.
	ready       *list.Element
	hiddenUntil time.Time
	heapIndex   int
}

// queue holds the order of the messages and hides those that were received.
type queue struct {
	visibility time.Duration // how long a message is hidden once received

	mu       sync.Mutex
	messages map[string]*message
	ready    list.List
	hidden   hiddenHeap
	// changed is closed, and replaced, when a message was sent or is to come back
	// at another time.
	changed chan struct{}
}

func newQueue(visibility time.Duration) *queue {
	return &queue{visibility: visibility, messages: make(map[string]*message), changed: make(chan struct{})}
}

// send adds a message that can be received once delay has passed.
func (q *queue) send(id string, delay time.Duration, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := &message{id: id, sent: now}
	q.messages[id] = m
	if delay > 0 {
		q.hide(m, now.Add(delay))
	} else {
		m.ready = q.ready.PushBack(m)
	}
	q.tell()
}

// receipt is a message that was received. Its handle is of this time only.
type receipt struct {
	id, handle string
	sent       time.Time
	received   int
}

// receive takes up to most messages, the oldest first, and hides each. Without
// one, next is when the first hidden message comes back, zero if there is none,
// and changed is closed when that may have become wrong.
func (q *queue) receive(most int, visibility time.Duration, now time.Time) (receipts []receipt, next time.Time, changed <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.hidden) > 0 && !q.hidden[0].hiddenUntil.After(now) {
		q.show(q.hidden[0])
	}
	for len(receipts) < most && q.ready.Len() > 0 {
		m := q.ready.Front().Value.(*message)
		q.ready.Remove(m.ready)
		m.ready = nil
		m.received++
		q.hide(m, now.Add(visibility))
		receipts = append(receipts, receipt{m.id, makeHandle(m.id, m.received), m.sent, m.received})
	}
	if len(q.hidden) > 0 {
		next = q.hidden[0].hiddenUntil
	}
	return receipts, next, q.changed
}

// remove takes a message out for good, and says whether it did: a handle from an
// earlier time removes nothing.
func (q *queue) remove(id string, received int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := q.messages[id]
	if m == nil || m.received != received {
		return false
	}
	if m.ready != nil {
		q.ready.Remove(m.ready)
	} else {
		heap.Remove(&q.hidden, m.heapIndex)
	}
	delete(q.messages, id)
	return true
}

// changeVisibility hides a received message for this long from now on, and says
// whether it did; only one that is hidden can be.
func (q *queue) changeVisibility(id string, received int, visibility time.Duration, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := q.messages[id]
	if m == nil || m.received != received || m.ready != nil || !m.hiddenUntil.After(now) {
		return false
	}
	m.hiddenUntil = now.Add(visibility)
	heap.Fix(&q.hidden, m.heapIndex)
	q.tell()
	return true
}

func (q *queue) hide(m *message, until time.Time) {
	m.hiddenUntil = until
	heap.Push(&q.hidden, m)
}

func (q *queue) show(m *message) {
	heap.Remove(&q.hidden, m.heapIndex)
	m.ready = q.ready.PushBack(m)
}

// tell wakes those that wait for a message.
func (q *queue) tell() {
	close(q.changed)
	q.changed = make(chan struct{})
}

func newMessageID() string { return rand.Text() }

// hiddenHeap has the message that comes back first at index 0.
type hiddenHeap []*message

func (h hiddenHeap) Len() int           { return len(h) }
func (h hiddenHeap) Less(i, j int) bool { return h[i].hiddenUntil.Before(h[j].hiddenUntil) }
func (h hiddenHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapIndex, h[j].heapIndex = i, j
}

func (h *hiddenHeap) Push(x any) {
	m := x.(*message)
	m.heapIndex = len(*h)
	*h = append(*h, m)
}

func (h *hiddenHeap) Pop() any {
	old := *h
	m := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return m
}
