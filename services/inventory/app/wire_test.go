package app_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// wire passes connections on to a server until it is cut.
type wire struct {
	address string
	server  string
	t       testing.TB

	mu       sync.Mutex
	listener net.Listener
	open     []net.Conn
}

func newWire(t testing.TB, server string) *wire {
	t.Helper()
	w := &wire{server: server, t: t, address: "127.0.0.1:0"}
	w.mend()
	t.Cleanup(w.cut)
	return w
}

// cut ends every connection and refuses new ones.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listener.Close()
	for _, conn := range w.open {
		conn.Close()
	}
	w.open = nil
}

// mend takes connections again, at the same address.
func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	listener, err := net.Listen("tcp", w.address)
	if err != nil {
		w.t.Error(err)
		return
	}
	w.listener, w.address = listener, listener.Addr().String()
	go w.accept(listener)
}

func (w *wire) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", w.server)
		if err != nil {
			client.Close()
			continue
		}
		w.mu.Lock()
		w.open = append(w.open, client, server)
		w.mu.Unlock()
		go pass(client, server)
		go pass(server, client)
	}
}

func pass(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	to.Close()
	from.Close()
}
