package load

import (
	"bytes"
	"fmt"
	"io"

	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestConnReadsAnswersAsServersFrameThem(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer string
		status int
		body   string
		closed bool
	}{
		"a length":                    {"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nhello", 202, "hello", false},
		"a length in any case":        {"HTTP/1.1 200 OK\r\ncOnTent-lengtH:5 \r\n\r\nhello", 200, "hello", false},
		"no body":                     {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", false},
		"chunks, with an extension":   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\nA\r\nlo, world!\r\n0\r\nTrailer: x\r\n\r\n", 200, "hello, world!", false},
		"until the connection's end":  {"HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello", true},
		"an early hint before it":     {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", false},
		"the server closes after it":  {"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 503, "", true},
		"a status without its phrase": {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 200, "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := newConn(scripted{strings.NewReader(test.answer)})
			status, body, err := conn.Do([]byte("GET / HTTP/1.1\r\n\r\n"))
			if err != nil {
				t.Fatal(err)
			}
			if status != test.status || string(body) != test.body || conn.closed != test.closed {
				t.Errorf("got %d %q closed=%t, want %d %q closed=%t", status, body, conn.closed, test.status, test.body, test.closed)
			}
		})
	}
}

func TestConnRefusesWhatIsNoAnswer(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"nothing":                "",
		"another protocol":       "SSH-2.0-OpenSSH_9.6\r\n\r\n",
		"a negative length":      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"an absurd length":       "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
		"a short body":           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
		"an absurd chunk":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n",
		"chunks run together":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokX\r\n0\r\n\r\n",
		"an unknown encoding":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"a header without colon": "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n",
		"an endless line":        "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 8192),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if status, body, err := newConn(scripted{strings.NewReader(answer)}).Do(nil); err == nil {
				t.Errorf("got %d %q, want an error", status, body)
			}
		})
	}
}

func FuzzConn(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		status, body, err := newConn(scripted{bytes.NewReader(answer)}).Do(nil)
		if err == nil && (status < 200 || len(body) > len(answer)) {
			t.Errorf("status %d with %d bytes out of %d", status, len(body), len(answer))
		}
	})
}

func TestConnTalksToGosServer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, body)
		if len(body) > 10 {
			w.(http.Flusher).Flush() // makes it chunked
			fmt.Fprint(w, strings.Repeat("x", 5000))
		}
	}))
	defer server.Close()
	address := server.Listener.Addr().String()
	conn, err := Dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 3 {
		for request, want := range map[string]string{
			string(AppendJSON(nil, "POST", address, "/a", []byte("short"))):         "POST /a short",
			string(AppendJSON(nil, "POST", address, "/b", []byte("more than ten"))): "POST /b more than ten" + strings.Repeat("x", 5000),
			string(AppendGet(nil, address, "/c")):                                   "GET /c ",
		} {
			status, body, err := conn.Do([]byte(request))
			if err != nil || status != http.StatusAccepted || string(body) != want {
				t.Fatalf("got %d %.60q (%v), want 202 %.60q", status, body, err, want)
			}
		}
	}
}

// scripted is a connection whose other end has said all already.
type scripted struct{ io.Reader }

func (s scripted) Write(p []byte) (int, error) { return len(p), nil }
func (s scripted) Close() error                { return nil }

var _ io.ReadWriteCloser = scripted{}
