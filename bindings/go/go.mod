module github.com/libkeyviz/libkeyviz/bindings/go

go 1.24
