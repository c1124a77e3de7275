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
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
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

func TestAStreamOutlastsTheTimeForABody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler, operations := New(Config{Title: "Greetings", MaxBody: 1 << 10})
		huma.Register(operations, huma.Operation{Method: http.MethodGet, Path: "/greet"}, func(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
			return &huma.StreamResponse{Body: func(h huma.Context) {
				_, w := humachi.Unwrap(h)
				fmt.Fprint(w, "Ann")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(2 * bodyTimeout)
				fmt.Fprint(w, ctx.Err())
			}}, nil
		})
		client := connect(t, handler)
		go fmt.Fprint(client, "GET /greet HTTP/1.1\r\nHost: test\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(response.Body); err != nil || string(text) != "Ann<nil>" {
			t.Errorf("%q, %v", text, err)
		}
	})
}

// Before net/http answers, or closes a connection, it waits for the body that it was promised.
func TestABodyThatNeverComesHoldsNoConnection(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]string{
		"of an operation that takes none": "GET /greet HTTP/1.1\r\nContent-Length: 10\r\n",
		"refused unread":                  "POST /greet HTTP/1.1\r\nContent-Length: 10\r\nContent-Encoding: gzip\r\n",
		"in chunks":                       "GET /greet HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
		"to where nothing is":             "POST /elsewhere HTTP/1.1\r\nContent-Length: 10\r\n",
		"waited for":                      "POST /greet HTTP/1.1\r\nContent-Length: 10\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handler, operations := New(Config{Title: "Greetings", MaxBody: 1 << 10})
				huma.Register(operations, huma.Operation{Method: http.MethodPost, Path: "/greet"}, func(_ context.Context, in *greeting) (*greeting, error) {
					return in, nil
				})
				huma.Register(operations, huma.Operation{Method: http.MethodGet, Path: "/greet"}, func(context.Context, *struct{}) (*greeting, error) {
					return &greeting{}, nil
				})
				client := connect(t, handler)
				began := time.Now()
				go fmt.Fprint(client, request+"Host: test\r\nContent-Type: application/json\r\n\r\n")
				_ = client.SetReadDeadline(began.Add(time.Minute))
				if answer, err := io.ReadAll(client); err != nil || len(answer) == 0 || time.Since(began) > 2*bodyTimeout {
					t.Errorf("after %s: %q, %v", time.Since(began), answer, err)
				}
			})
		})
	}
}

// exchange posts a body over a connection of its own, whose deadlines go by the bubble's clock.
func exchange(t *testing.T, handler http.Handler, body string) *http.Response {
	t.Helper()
	client := connect(t, handler)
	go fmt.Fprintf(client, "POST /greet HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	response, err := http.ReadResponse(bufio.NewReader(client), nil)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// connect serves one connection.
func connect(t *testing.T, handler http.Handler) (client net.Conn) {
	t.Helper()
	client, served := net.Pipe()
	server := &http.Server{Handler: handler}
	listener := &one{conn: served, closed: make(chan struct{})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = client.Close(); _ = server.Close(); synctest.Wait() })
	return client
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
