package e2e

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

// cable is a TCP connection to a server that can be cut and plugged in again.
type cable struct {
	address string
	target  string

	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func newCable(t *testing.T, target string) *cable {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	c := &cable{address: listener.Addr().String(), target: target}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go c.forward(conn)
		}
	}()
	return c
}

func (c *cable) forward(conn net.Conn) {
	defer conn.Close()
	c.mu.Lock()
	if c.cut {
		c.mu.Unlock()
		return
	}
	server, err := net.Dial("tcp", c.target)
	if err != nil {
		c.mu.Unlock()
		return
	}
	c.conns = append(c.conns, conn, server)
	c.mu.Unlock()
	defer server.Close()
	go func() { _, _ = io.Copy(server, conn); server.Close() }()
	_, _ = io.Copy(conn, server)
}

func (c *cable) unplug() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	for _, conn := range c.conns {
		conn.Close()
	}
	c.conns = nil
}

func (c *cable) plugIn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = false
}

func TestADatabaseTakenAwayUnderLoadAndGivenBackCostsTimeAndNoOrder(t *testing.T) {
	t.Parallel()
	brokers := testenv.RealKafka(t)
	direct, err := url.Parse(testenv.PostgreSQL(t))
	if err != nil {
		t.Fatal(err)
	}
	cable := newCable(t, direct.Host)
	through := *direct
	through.Host = cable.address
	s := separate(t, brokers, through.String())
	s.putStock("ABC-001", 1_000_000)
	l := s.load(4)
	l.goesOn(s, 200)
	cable.unplug()
	l.isRefused(s)
	cable.plugIn()
	l.goesOn(s, 200)
	l.allDecided(s)
	s.audit()
}

// The loss of the only broker is an outage; the loss of one of three, whose topics have three replicas, nobody notices.
func TestABrokerTakenAwayUnderLoadAndGivenBackCostsTimeAndNoOrder(t *testing.T) {
	t.Parallel()
	brokers := testenv.RealKafka(t)
	broker := testenv.Brokers(t)
	s := separate(t, brokers, testenv.PostgreSQL(t))
	s.putStock("ABC-001", 1_000_000)
	l := s.load(4)
	l.goesOn(s, 200)
	broker("kill", 1)
	t.Cleanup(func() { broker("start", 1) })
	l.goesOn(s, 200) // orders are taken meanwhile
	if response := call(t, "GET", s.inventoryAdmins[0]+"/readyz", "", nil, nil); response.StatusCode != http.StatusOK {
		t.Errorf("/readyz without the broker: %d, want 200", response.StatusCode)
	}
	if strings.Contains(brokers.Brokers, ",") {
		s.becomes(s.place("ABC-001", 1), "RESERVED") // and decided
	}
	broker("start", 1)
	inSync(t, brokers)
	l.goesOn(s, 200)
	l.allDecided(s)
	s.audit()
}

// inSync waits until every replica has caught up.
func inSync(t *testing.T, brokers kafka.Config) {
	t.Helper()
	admin := testenv.Admin(t, brokers)
	testenv.Eventually(t, "every replica is in sync", func() bool {
		topics, err := admin.ListTopicsWithInternal(t.Context())
		behind := false
		for _, topic := range topics {
			for _, p := range topic.Partitions {
				behind = behind || len(p.ISR) < len(p.Replicas)
			}
		}
		return err == nil && !behind
	})
}
