package node_test

import (
	"fmt"
	"net"
	"syscall"
	"testing"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/node"
)

func TestAListenerIsTakenOverIfItIsLoopbacks(t *testing.T) {
	for address, taken := range map[string]bool{"127.0.0.1:0": true, "0.0.0.0:0": false} {
		given, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer given.Close()
		file, err := given.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		fd, err := syscall.Dup(int(file.Fd())) // which Listen closes
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		listener, err := node.Listen(fmt.Sprintf("fd:%d", fd))
		if (err == nil) != taken {
			t.Errorf("%s: %v", address, err)
		}
		if err == nil {
			if listener.Addr().String() != given.Addr().String() {
				t.Errorf("%v became %v", given.Addr(), listener.Addr())
			}
			listener.Close()
		}
	}
	for _, address := range []string{"fd:", "fd:x", "fd:-1", "fd:999999"} {
		if listener, err := node.Listen(address); err == nil {
			t.Errorf("%s: %v", address, listener.Addr())
		}
	}
}
