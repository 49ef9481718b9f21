// Package lib is where the built library lies, libkeyviz.a and its header. It is a package so that go mod vendor takes them
// along with package keyviz, and has nothing to use.
package lib
