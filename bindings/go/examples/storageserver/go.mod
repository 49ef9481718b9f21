module github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver

go 1.24.0

require (
	github.com/klauspost/compress v1.19.2
	github.com/libkeyviz/libkeyviz/bindings/go v0.0.0
	github.com/redis/go-redis/v9 v9.22.0
	github.com/schollz/progressbar/v3 v3.19.0
	github.com/tidwall/redcon v1.6.4
	golang.org/x/sync v0.19.0
	golang.org/x/term v0.28.0
	golang.org/x/time v0.14.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/mitchellh/colorstring v0.0.0-20190213212951-d06e56a500db // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	github.com/tidwall/btree v1.1.0 // indirect
	github.com/tidwall/match v1.1.1 // indirect
	go.uber.org/atomic v1.11.0 // indirect
	golang.org/x/sys v0.30.0 // indirect
)

replace github.com/libkeyviz/libkeyviz/bindings/go => ../..
