package apitest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Hostile sends an operation that takes JSON what no client should, byte by byte over a connection of its own: the answer
// is a problem that blames the client. body is one that the operation takes.
func Hostile(t *testing.T, handler http.Handler, method, path, body string) {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n", method, path)
	chunked := head + "Transfer-Encoding: chunked\r\n\r\n"
	for name, test := range map[string]struct {
		send   string
		status int
	}{
		"a chunked body that never ends":        {chunked + "5\r\n{\"a\":\r\n", http.StatusRequestTimeout},
		"a body shorter than its length":        {head + "Content-Length: 1000\r\n\r\n{", http.StatusRequestTimeout},
		"a chunk that is none":                  {chunked + "zz\r\n{}\r\n0\r\n\r\n", http.StatusBadRequest},
		"a length beyond the limit":             {head + "Content-Length: 99999999999\r\n\r\n", http.StatusRequestEntityTooLarge},
		"chunks beyond the limit":               {chunked + chunks(1<<20), http.StatusRequestEntityTooLarge},
		"compressed":                            {head + "Content-Encoding: gzip\r\n" + whole("\x1f\x8b\x08"), http.StatusUnsupportedMediaType},
		"deeper than anybody nests":             {head + whole(strings.Repeat("[", 15_000)), http.StatusBadRequest},
		"deep, and closed":                      {head + whole(strings.Repeat("[", 5_000)+strings.Repeat("]", 5_000)), http.StatusUnprocessableEntity},
		"text that is no UTF-8":                 {head + whole(strings.Replace(body, `":`, "\xff\":", 1)), http.StatusBadRequest},
		"a member twice":                        {head + whole(strings.Replace(body, "{", body[:strings.Index(body, ":")]+":1,", 1)), http.StatusBadRequest},
		"a member in other case":                {head + whole(upperFirst(body)), http.StatusUnprocessableEntity},
		"a NUL behind it":                       {head + whole(body+"\x00"), http.StatusBadRequest},
		"a header that net/http does not take":  {head + "X-Flood: " + strings.Repeat("x", 2<<20) + "\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"a request line that is none of HTTP's": {"\x16\x03\x01\x02\x00\x01\r\n\r\n", http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response := exchange(t, server.Listener.Addr().String(), test.send)
			text, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != test.status {
				t.Fatalf("%d, want %d: %s", response.StatusCode, test.status, text)
			}
			// What net/http refuses by itself never gets to a handler.
			own := strings.HasPrefix(test.send, method) && test.status != http.StatusRequestHeaderFieldsTooLarge
			if kind := response.Header.Get("Content-Type"); own && kind != "application/problem+json" {
				t.Errorf("%s: %s", kind, text)
			}
		})
	}
}

func whole(body string) string { return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body) }

func chunks(size int) string {
	const piece = 1 << 12
	return strings.Repeat(fmt.Sprintf("%x\r\n%s\r\n", piece, strings.Repeat(" ", piece)), size/piece)
}

// upperFirst writes the first member of an object in upper case.
func upperFirst(body string) string {
	end := strings.Index(body, ":")
	return strings.ToUpper(body[:end]) + body[end:]
}

// exchange sends bytes and reads the answer to them, which may come before they are all taken.
func exchange(t *testing.T, address, send string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(conn, send) }()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// Slow sends a request whose body does not come, and wants 408.
func Slow(t *testing.T, handler http.Handler, method, path string) {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n", method, path)
	if response := exchange(t, server.Listener.Addr().String(), head); response.StatusCode != http.StatusRequestTimeout {
		t.Errorf("a body that does not come: %d", response.StatusCode)
	}
}
