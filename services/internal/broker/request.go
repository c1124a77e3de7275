package broker

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxRequest is as large as Kafka takes one by default.
const maxRequest = 100 << 20

var errNoRequest = errors.New("no request of the Kafka protocol")

// requests is a connection that ends where something else than a request comes: kfake would end the process with a panic,
// or make room for up to 4 GiB.
type requests struct {
	net.Conn
	in   *bufio.Reader
	left int // bytes of the request that is being read
}

func newRequests(conn net.Conn) *requests { return &requests{Conn: conn, in: bufio.NewReader(conn)} }

// Read implements net.Conn.
func (r *requests) Read(into []byte) (int, error) {
	if r.left == 0 {
		if err := r.begin(); err != nil {
			return 0, err
		}
	}
	n, err := r.in.Read(into[:min(len(into), r.left)])
	r.left -= n
	return n, err
}

// begin looks at a request's size and key.
func (r *requests) begin() error {
	const sizeEnd, keyEnd = 4, 6
	head, err := r.in.Peek(sizeEnd)
	if err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head)
	if size < keyEnd-sizeEnd || size > maxRequest {
		return errNoRequest
	}
	if head, err = r.in.Peek(keyEnd); err != nil {
		return err
	}
	if kmsg.RequestForKey(int16(binary.BigEndian.Uint16(head[sizeEnd:]))) == nil {
		return errNoRequest
	}
	r.left = sizeEnd + int(size)
	return nil
}
