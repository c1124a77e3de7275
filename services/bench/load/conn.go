// Package load drives HTTP servers from the machine they run on, so it must take little of it: its connections speak
// just as much HTTP/1.1 as a server's answers need, and allocate nothing a request. net/http's client takes as long for
// a request as the servers measured here do.
package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// Conn is one keep-alive connection. It is not safe for concurrent use.
type Conn struct {
	conn   io.ReadWriteCloser
	reader *bufio.Reader
	body   []byte
	closed bool // the server said that it closes after this answer
}

// Dial connects. The connection is closed when ctx is done, which also ends a request in flight.
func Dial(ctx context.Context, address string) (*Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return newConn(conn), nil
}

func newConn(conn io.ReadWriteCloser) *Conn {
	return &Conn{conn: conn, reader: bufio.NewReaderSize(conn, 4096)}
}

// Close ends the connection.
func (c *Conn) Close() error { return c.conn.Close() }

// maxBody bounds what a broken server makes us keep.
const maxBody = 16 << 20

// Do sends a whole request, as Request renders it, and returns the answer's status and body. The body is valid until
// the next Do.
func (c *Conn) Do(request []byte) (status int, body []byte, err error) {
	if c.closed {
		return 0, nil, errors.New("the server has closed the connection")
	}
	if _, err := c.conn.Write(request); err != nil {
		return 0, nil, err
	}
	for {
		status, err := c.statusLine()
		if err != nil {
			return 0, nil, err
		}
		framing, err := c.headers()
		if err != nil {
			return 0, nil, err
		}
		if status < 200 { // 100 Continue, 103 Early Hints: the answer is still to come
			continue
		}
		if status == 204 || status == 304 {
			framing = bodyFraming{}
		}
		if err := c.readBody(framing); err != nil {
			return 0, nil, err
		}
		return status, c.body, nil
	}
}

var errMalformed = errors.New("malformed HTTP answer")

func (c *Conn) statusLine() (int, error) {
	line, err := c.line()
	if err != nil {
		return 0, err
	}
	// HTTP/1.1 202 Accepted
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, fmt.Errorf("%w: status line %q", errMalformed, line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil || status < 100 {
		return 0, fmt.Errorf("%w: status line %q", errMalformed, line)
	}
	return status, nil
}

// bodyFraming is how a body's end is found (RFC 9112, section 6.3).
type bodyFraming struct {
	length  int64 // -1: until the connection ends
	chunked bool
}

func (c *Conn) headers() (bodyFraming, error) {
	framing := bodyFraming{length: -1}
	for {
		line, err := c.line()
		if err != nil {
			return framing, err
		}
		if len(line) == 0 {
			return framing, nil
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found {
			return framing, fmt.Errorf("%w: header %q", errMalformed, line)
		}
		value = bytes.TrimSpace(value)
		switch {
		case is(name, "content-length"):
			framing.length, err = strconv.ParseInt(string(value), 10, 64)
			if err != nil || framing.length < 0 || framing.length > maxBody {
				return framing, fmt.Errorf("%w: content length %q", errMalformed, value)
			}
		case is(name, "transfer-encoding"):
			if !is(value, "chunked") {
				return framing, fmt.Errorf("%w: transfer encoding %q", errMalformed, value)
			}
			framing.chunked = true
		case is(name, "connection"):
			c.closed = is(value, "close")
		}
	}
}

// is compares ASCII without regard to case; bytes.EqualFold folds Unicode, and shows in profiles.
func is(text []byte, lower string) bool {
	if len(text) != len(lower) {
		return false
	}
	for i := range len(lower) {
		c := text[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func (c *Conn) readBody(framing bodyFraming) error {
	c.body = c.body[:0]
	switch {
	case framing.chunked:
		return c.readChunks()
	case framing.length >= 0:
		return c.read(framing.length)
	}
	c.closed = true
	rest, err := io.ReadAll(io.LimitReader(c.reader, maxBody))
	c.body = append(c.body, rest...)
	return err
}

func (c *Conn) readChunks() error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		size, _, _ := bytes.Cut(line, []byte(";")) // what follows is an extension
		length, err := strconv.ParseInt(string(bytes.TrimSpace(size)), 16, 64)
		if err != nil || length < 0 || length+int64(len(c.body)) > maxBody {
			return fmt.Errorf("%w: chunk of %q bytes", errMalformed, line)
		}
		if length == 0 {
			return c.skipTrailers()
		}
		if err := c.read(length); err != nil {
			return err
		}
		if line, err = c.line(); err != nil || len(line) > 0 {
			return errors.Join(err, fmt.Errorf("%w: no line end after a chunk", errMalformed))
		}
	}
}

func (c *Conn) skipTrailers() error {
	for {
		line, err := c.line()
		if err != nil || len(line) == 0 {
			return err
		}
	}
}

// read appends so many bytes to the body.
func (c *Conn) read(length int64) error {
	start := len(c.body)
	for int64(cap(c.body)) < int64(start)+length {
		c.body = append(c.body[:cap(c.body)], 0)
	}
	c.body = c.body[:start+int(length)]
	_, err := io.ReadFull(c.reader, c.body[start:])
	return err
}

// line reads a line without its end. It is valid until the next read.
func (c *Conn) line() ([]byte, error) {
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, fmt.Errorf("%w: a line of more than %d bytes", errMalformed, c.reader.Size())
		}
		return nil, err
	}
	line = line[:len(line)-1]
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

// AppendJSON renders a request that carries JSON.
func AppendJSON(dst []byte, method, host, path string, body []byte) []byte {
	dst = appendStart(dst, method, host, path)
	dst = append(dst, "Content-Type: application/json\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, body...)
}

// AppendGet renders a GET.
func AppendGet(dst []byte, host, path string) []byte {
	return append(appendStart(dst, "GET", host, path), "\r\n"...)
}

func appendStart(dst []byte, method, host, path string) []byte {
	dst = append(append(append(dst, method...), ' '), path...)
	dst = append(append(dst, " HTTP/1.1\r\nHost: "...), host...)
	return append(dst, "\r\n"...)
}
