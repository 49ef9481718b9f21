package node

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// Listen listens on host:port, or takes over the listener that "fd:3" names. It refuses
// every interface but loopback: the front ends have no authentication.
func Listen(address string) (net.Listener, error) {
	if fd, inherited := strings.CutPrefix(address, "fd:"); inherited {
		return takeOver(fd)
	}
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	if !resolved.IP.IsLoopback() {
		return nil, fmt.Errorf("%s is not a loopback address", address)
	}
	return net.ListenTCP("tcp", resolved)
}

func takeOver(fd string) (net.Listener, error) {
	number, err := strconv.ParseUint(fd, 10, 31)
	if err != nil {
		return nil, fmt.Errorf("%q is no file descriptor", fd)
	}
	file := os.NewFile(uintptr(number), "listener")
	if file == nil {
		return nil, fmt.Errorf("%q is no file descriptor", fd)
	}
	defer file.Close() // What is returned has a copy.
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		_ = listener.Close()
		return nil, fmt.Errorf("%v is not a loopback address", listener.Addr())
	}
	return listener, nil
}
