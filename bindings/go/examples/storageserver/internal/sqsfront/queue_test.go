package sqsfront

import (
	"testing"
	"time"
)

var epoch = time.Unix(1_700_000_000, 0)

func at(n int) time.Time { return epoch.Add(seconds(n)) }

// take receives one message and returns its id, "" where there is none.
func take(q *queue, visibility, now int) string {
	receipts, _, _ := q.receive(1, seconds(visibility), at(now))
	if len(receipts) == 0 {
		return ""
	}
	return receipts[0].id
}

func TestAMessageThatWasReceivedIsHiddenForATime(t *testing.T) {
	q := newQueue(0)
	q.send("a", 0, at(0))
	q.send("b", 0, at(0))
	for _, c := range []struct {
		now  int
		want string
	}{{0, "a"}, {1, "b"}, {2, ""}, {9, ""}, {10, "a"}, {11, "b"}, {12, ""}, {40, "a"}} {
		if got := take(q, 10, c.now); got != c.want {
			t.Errorf("after %d s: %q, want %q", c.now, got, c.want)
		}
	}
}

func TestADelayedMessageComesLater(t *testing.T) {
	q := newQueue(0)
	q.send("late", seconds(5), at(0))
	q.send("now", 0, at(0))
	if got := take(q, 100, 0); got != "now" {
		t.Errorf("%q came first", got)
	}
	if _, next, _ := q.receive(1, 0, at(1)); !next.Equal(at(5)) {
		t.Errorf("the next is said to come at %v", next)
	}
	if got := take(q, 100, 5); got != "late" {
		t.Errorf("%q came after 5 s", got)
	}
}

func TestOnlyTheLastHandleRemoves(t *testing.T) {
	q := newQueue(0)
	q.send("a", 0, at(0))
	first, _, _ := q.receive(1, seconds(10), at(0))
	second, _, _ := q.receive(1, seconds(10), at(10))
	for _, c := range []struct {
		handle string
		want   bool
	}{{first[0].handle, false}, {second[0].handle, true}, {second[0].handle, false}} {
		id, received, err := parseHandle(c.handle)
		if err != nil {
			t.Fatal(err)
		}
		if got := q.remove(id, received); got != c.want {
			t.Errorf("%s, %d: removed %v", id, received, got)
		}
	}
	if got := take(q, 0, 100); got != "" {
		t.Errorf("%q is still there", got)
	}
}

func TestAMessageCanBeRemovedOnceItIsBack(t *testing.T) {
	q := newQueue(0)
	q.send("a", 0, at(0))
	take(q, 1, 0)
	q.send("b", 0, at(1))
	if got := take(q, 10, 1); got != "b" { // and a came back behind b
		t.Errorf("%q", got)
	}
	if !q.remove("a", 1) || take(q, 10, 2) != "" {
		t.Error("a is still there")
	}
}

func TestTheTimeThatAMessageIsHiddenCanChange(t *testing.T) {
	q := newQueue(0)
	q.send("a", 0, at(0))
	q.send("b", 0, at(0))
	take(q, 10, 0)
	take(q, 20, 0)
	if !q.changeVisibility("a", 1, seconds(30), at(1)) || !q.changeVisibility("b", 1, 0, at(1)) {
		t.Error("not changed")
	}
	if got := take(q, 5, 1); got != "b" {
		t.Errorf("%q is back", got)
	}
	if q.changeVisibility("b", 1, 0, at(2)) {
		t.Error("changed with the handle of an earlier time")
	}
	if q.changeVisibility("b", 2, 0, at(6)) {
		t.Error("changed though it is hidden no more")
	}
	if got := take(q, 5, 30); got != "b" {
		t.Errorf("%q is back", got)
	}
	if got := take(q, 5, 31); got != "a" {
		t.Errorf("%q is back", got)
	}
}
