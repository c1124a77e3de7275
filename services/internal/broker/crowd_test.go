package broker

import (
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
)

// crowded is a listener of a process that has no file descriptor left for a while.
type crowded struct {
	net.Listener
	refusals atomic.Int32
}

func (l *crowded) Accept() (net.Conn, error) {
	if l.refusals.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

func TestConnectionsAreTakenAgainOnceThereAreFileDescriptors(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	crowd := &crowded{Listener: listener}
	crowd.refusals.Store(3)
	b, err := start(Config{Log: slog.New(slog.DiscardHandler)}, named{crowd, listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	if err := makeTopics(b.Address(), 1); err != nil {
		t.Error(err)
	}
}
