//go:build !keyviz_cgo && !keyviz_atomic && !race

package main

const buildName = "go_observe"
