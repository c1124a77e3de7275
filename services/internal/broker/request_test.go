package broker

import (
	"io"
	"log/slog"
	"net"
	"testing"
)

func TestWhatIsNoRequestEndsItsConnectionAlone(t *testing.T) {
	t.Parallel()
	b, err := Start(Config{Address: "127.0.0.1:0", Partitions: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	for reason, said := range map[string]string{
		"a key that no request has": "\x00\x00\x00\x0a\x75\x30\x00\x00\x00\x00\x00\x01\xff\xff",
		"a negative key":            "\x00\x00\x00\x0a\xff\xff\x00\x00\x00\x00\x00\x01\xff\xff",
		"an empty request":          "\x00\x00\x00\x00\x00\x00\x00\x00",
		"HTTP":                      "GET /metrics HTTP/1.1\r\nHost: localhost:9092\r\n\r\n",
		"TLS":                       "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	} {
		conn, err := net.Dial("tcp", b.Address())
		if err != nil {
			t.Fatal(reason, err)
		}
		if _, err := io.WriteString(conn, said); err != nil {
			t.Error(reason, err)
		}
		if answer, _ := io.ReadAll(conn); len(answer) > 0 {
			t.Errorf("%s: answered %q", reason, answer)
		}
		conn.Close()
	}
	if err := makeTopics(b.Address(), 1); err != nil {
		t.Error("a client afterwards: ", err)
	}
}
