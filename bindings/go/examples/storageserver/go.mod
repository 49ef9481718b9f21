module github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver

go 1.24

require github.com/libkeyviz/libkeyviz/bindings/go v0.0.0

replace github.com/libkeyviz/libkeyviz/bindings/go => ../..
