package store

import (
	"reflect"
	"testing"
)

func TestTheLastOfTwoPairsWithOneKeyWins(t *testing.T) {
	s := New()
	s.Set(Pair{[]byte("a"), []byte("1")}, Pair{[]byte("a"), []byte("2")})
	if v, ok := s.Get([]byte("a")); !ok || string(v) != "2" {
		t.Errorf("a = %q, %v", v, ok)
	}
}

func TestAnEmptyValueIsNotAnAbsentOne(t *testing.T) {
	s := New()
	s.Set(Pair{[]byte("nil"), nil}, Pair{[]byte("empty"), []byte{}})
	got := s.GetMany([][]byte{[]byte("nil"), []byte("empty"), []byte("absent")})
	if want := [][]byte{{}, {}, nil}; !reflect.DeepEqual(got, want) {
		t.Errorf("values %#v, want %#v", got, want)
	}
}

func TestStoredValuesAreTheStoresOwn(t *testing.T) {
	s := New()
	value := []byte("before")
	s.Set(Pair{[]byte("a"), value})
	copy(value, "after!")
	held, _ := s.Get([]byte("a"))
	s.Set(Pair{[]byte("a"), []byte("later!")})
	if string(held) != "before" {
		t.Errorf("a value that was read changed to %q", held)
	}
}

func TestDeleteCountsEachKeyOnce(t *testing.T) {
	s := New()
	s.Set(Pair{[]byte("a"), nil}, Pair{[]byte("b"), nil})
	if n := s.Delete([]byte("a"), []byte("a"), []byte("absent")); n != 1 {
		t.Errorf("deleted %d", n)
	}
	if _, ok := s.Get([]byte("b")); !ok {
		t.Error("b is gone too")
	}
}
