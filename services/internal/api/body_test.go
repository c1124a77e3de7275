package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

type greeting struct{ Body struct{ Name string } }

// Go ends a request's context when a deadline for reading passes, even when all has been read.
func TestWorkMayTakeLongerThanABodyMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler, operations := New(Config{Title: "Greetings", MaxBody: 1 << 10})
		huma.Register(operations, huma.Operation{Method: http.MethodPost, Path: "/greet"}, func(ctx context.Context, in *greeting) (*greeting, error) {
			time.Sleep(2 * bodyTimeout)
			return in, ctx.Err()
		})
		if response := exchange(t, handler, `{"Name":"Ann"}`); response.StatusCode != http.StatusOK {
			t.Error(response.Status)
		}
	})
}

// exchange posts a body over a connection of its own, whose deadlines go by the bubble's clock.
func exchange(t *testing.T, handler http.Handler, body string) *http.Response {
	t.Helper()
	client, served := net.Pipe()
	server := &http.Server{Handler: handler}
	listener := &one{conn: served, closed: make(chan struct{})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = client.Close(); _ = server.Close(); synctest.Wait() })
	go fmt.Fprintf(client, "POST /greet HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	response, err := http.ReadResponse(bufio.NewReader(client), nil)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// one is a listener that accepts one connection.
type one struct {
	conn   net.Conn
	closed chan struct{}
}

func (l *one) Accept() (net.Conn, error) {
	if conn := l.conn; conn != nil {
		l.conn = nil
		return conn, nil
	}
	<-l.closed
	return nil, io.EOF
}

func (l *one) Close() error   { close(l.closed); return nil }
func (l *one) Addr() net.Addr { return &net.TCPAddr{} }
