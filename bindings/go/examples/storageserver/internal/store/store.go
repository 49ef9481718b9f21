// Package store is the key-value map behind every front end.
package store

import (
	"bytes"
	"slices"
	"strings"
	"sync"
)

// Pair is one key and the value to store under it.
type Pair struct {
	Key, Value []byte
}

// Store is an in-memory map of byte keys to byte values. It is divided into
// spaces, so that what one protocol stores under a key is not taken for
// something else by another.
type Store struct {
	mu     sync.RWMutex
	values map[place][]byte
}

type place struct {
	space, key string
}

// New returns an empty store.
func New() *Store {
	return &Store{values: make(map[place][]byte)}
}

// Space returns the space with this name. Two with one name are the same.
func (s *Store) Space(name string) *Space {
	return &Space{store: s, name: name}
}

// Space is the part of a store that a front end sees. Any number of goroutines
// may use it at once; a call that takes several keys is atomic.
//
// A stored value is never changed in place, so the slices that Get and GetMany
// return stay valid after a later Set or Delete. Callers must not write to them.
type Space struct {
	store *Store
	name  string
}

// Get returns the value under key, and whether there is one.
func (s *Space) Get(key []byte) (value []byte, ok bool) {
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	value, ok = s.store.values[place{s.name, string(key)}]
	return value, ok
}

// GetMany returns one value per key; the value of an absent key is nil, that of
// a key stored with no bytes is empty and not nil.
func (s *Space) GetMany(keys [][]byte) [][]byte {
	values := make([][]byte, len(keys))
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	for i, key := range keys {
		values[i] = s.store.values[place{s.name, string(key)}]
	}
	return values
}

// Set stores the pairs in order, so that the last of two pairs with one key
// wins. It copies the values.
func (s *Space) Set(pairs ...Pair) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.set(pairs)
}

// Add stores the pair unless there is a value under its key already, and says
// whether it did. It copies the value.
func (s *Space) Add(pair Pair) bool {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if _, exists := s.store.values[place{s.name, string(pair.Key)}]; exists {
		return false
	}
	s.set([]Pair{pair})
	return true
}

func (s *Space) set(pairs []Pair) {
	for _, p := range pairs {
		value := bytes.Clone(p.Value)
		if value == nil {
			value = []byte{}
		}
		s.store.values[place{s.name, string(p.Key)}] = value
	}
}

// Delete removes the keys and returns how many of them were there.
func (s *Space) Delete(keys ...[]byte) int {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return s.delete(keys)
}

func (s *Space) delete(keys [][]byte) int {
	before := len(s.store.values)
	for _, key := range keys {
		delete(s.store.values, place{s.name, string(key)})
	}
	return before - len(s.store.values)
}

// Apply is Set and Delete in one.
func (s *Space) Apply(set []Pair, remove [][]byte) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.set(set)
	s.delete(remove)
}

// Keys returns the keys that begin with prefix, in order. It looks at every key
// of the store.
func (s *Space) Keys(prefix string) []string {
	s.store.mu.RLock()
	var keys []string
	for at := range s.store.values {
		if at.space == s.name && strings.HasPrefix(at.key, prefix) {
			keys = append(keys, at.key)
		}
	}
	s.store.mu.RUnlock()
	slices.Sort(keys)
	return keys
}
