//go:build keyviz_cgo

package main

const buildName = "go_observe_cgo"
