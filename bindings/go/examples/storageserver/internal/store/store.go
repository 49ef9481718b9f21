// Package store is the key-value map behind every front end.
package store

import (
	"bytes"
	"sync"
)

// Pair is one key and the value to store under it.
type Pair struct {
	Key, Value []byte
}

// Store is an in-memory map of byte keys to byte values. Any number of
// goroutines may use it at once; a call that takes several keys is atomic.
//
// A stored value is never changed in place, so the slices that Get and GetMany
// return stay valid after a later Set or Delete. Callers must not write to them.
type Store struct {
	mu     sync.RWMutex
	values map[string][]byte
}

// New returns an empty store.
func New() *Store {
	return &Store{values: make(map[string][]byte)}
}

// Get returns the value under key, and whether there is one.
func (s *Store) Get(key []byte) (value []byte, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	value, ok = s.values[string(key)]
	return value, ok
}

// GetMany returns one value per key; the value of an absent key is nil, that of
// a key stored with no bytes is empty and not nil.
func (s *Store) GetMany(keys [][]byte) [][]byte {
	values := make([][]byte, len(keys))
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i, key := range keys {
		values[i] = s.values[string(key)]
	}
	return values
}

// Set stores the pairs in order, so that the last of two pairs with one key
// wins. It copies the values.
func (s *Store) Set(pairs ...Pair) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range pairs {
		value := bytes.Clone(p.Value)
		if value == nil {
			value = []byte{}
		}
		s.values[string(p.Key)] = value
	}
}

// Delete removes the keys and returns how many of them were there.
func (s *Store) Delete(keys ...[]byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.values)
	for _, key := range keys {
		delete(s.values, string(key))
	}
	return before - len(s.values)
}
