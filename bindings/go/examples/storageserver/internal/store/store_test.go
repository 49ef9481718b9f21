package store

import (
	"reflect"
	"slices"
	"testing"
)

func TestTheLastOfTwoPairsWithOneKeyWins(t *testing.T) {
	s := New().Space("")
	s.Set(Pair{[]byte("a"), []byte("1")}, Pair{[]byte("a"), []byte("2")})
	if v, ok := s.Get([]byte("a")); !ok || string(v) != "2" {
		t.Errorf("a = %q, %v", v, ok)
	}
}

func TestAnEmptyValueIsNotAnAbsentOne(t *testing.T) {
	s := New().Space("")
	s.Set(Pair{[]byte("nil"), nil}, Pair{[]byte("empty"), []byte{}})
	got := s.GetMany([][]byte{[]byte("nil"), []byte("empty"), []byte("absent")})
	if want := [][]byte{{}, {}, nil}; !reflect.DeepEqual(got, want) {
		t.Errorf("values %#v, want %#v", got, want)
	}
}

func TestStoredValuesAreTheStoresOwn(t *testing.T) {
	s := New().Space("")
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
	s := New().Space("")
	s.Set(Pair{[]byte("a"), nil}, Pair{[]byte("b"), nil})
	if n := s.Delete([]byte("a"), []byte("a"), []byte("absent")); n != 1 {
		t.Errorf("deleted %d", n)
	}
	if _, ok := s.Get([]byte("b")); !ok {
		t.Error("b is gone too")
	}
}

func TestAddReplacesNothing(t *testing.T) {
	s := New().Space("")
	if !s.Add(Pair{[]byte("a"), nil}) || s.Add(Pair{[]byte("a"), []byte("2")}) {
		t.Error("only the first of two is to be stored")
	}
	if v, ok := s.Get([]byte("a")); !ok || len(v) != 0 {
		t.Errorf("a = %q, %v", v, ok)
	}
}

func TestASpaceSeesItsOwnKeysInOrder(t *testing.T) {
	s := New()
	one, other := s.Space("one"), s.Space("other")
	one.Set(Pair{[]byte("b/2"), nil}, Pair{[]byte("b/1"), nil}, Pair{[]byte("c"), nil})
	other.Set(Pair{[]byte("b/3"), []byte("x")})
	other.Apply([]Pair{{[]byte("c"), []byte("other's")}}, [][]byte{[]byte("b/3"), []byte("b/1")})
	if keys := one.Keys("b/"); !slices.Equal(keys, []string{"b/1", "b/2"}) {
		t.Errorf("keys %q", keys)
	}
	if keys := s.Space("other").Keys(""); !slices.Equal(keys, []string{"c"}) {
		t.Errorf("keys of the other %q", keys)
	}
	if v, _ := one.Get([]byte("c")); len(v) != 0 {
		t.Errorf("c = %q", v)
	}
}
