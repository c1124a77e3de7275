package app_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/order"
)

func TestOrdersAreTakenBeforeThereIsAnyKafkaAndPublishedOnceItComes(t *testing.T) {
	t.Parallel()
	var there atomic.Pointer[kafka.Config]
	brokers := kafka.Config{Brokers: "kafka:9092", Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		if cluster := there.Load(); cluster != nil {
			return new(net.Dialer).DialContext(ctx, network, cluster.Brokers)
		}
		return nil, syscall.ECONNREFUSED
	}}
	r := start(t, brokers, sqliteURL(t), patient)
	var ids []int64
	for range 50 {
		ids = append(ids, r.place())
	}
	r.until("the missing brokers are shown, and the service is ready", func() bool { return strings.Contains(r.verbose(), "producer") })

	_, cluster := testenv.FakeKafka(t)
	there.Store(&cluster)
	ids = append(ids, r.place()) // the topics are still missing
	testenv.Topics(t, brokers, 1)
	others := connect(t, brokers, event.TopicOrderCreated)
	for _, id := range ids {
		others.created(id)
	}
	r.until("nothing is waited for any more", func() bool { return !strings.Contains(r.verbose(), "producer") })
}

// proxy stands between a service and its database.
type proxy struct {
	url    string
	target string

	mu    sync.Mutex
	conns map[net.Conn]bool
	down  bool
	// deaf, when set, cuts the connection that brings an answer to an insert, after the database has sent it.
	deaf atomic.Bool
	cuts atomic.Int64
}

func newProxy(t *testing.T, databaseURL string) *proxy {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: u.Host, conns: map[net.Conn]bool{}}
	u.Host = listener.Addr().String()
	p.url = u.String()
	t.Cleanup(func() { listener.Close(); p.set(true) })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p
}

// set takes the database away, with every connection, or gives it back.
func (p *proxy) set(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
	for conn := range p.conns {
		if down {
			conn.Close()
		}
	}
}

func (p *proxy) hold(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		p.conns[conn] = true
	}
	return !p.down
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.hold(client, server) {
		return
	}
	var inserting atomic.Bool
	go func() {
		defer server.Close()
		_, _ = io.Copy(server, listen{client, func(sent []byte) {
			if p.deaf.Load() && strings.Contains(string(sent), "SKU-DEAF") {
				inserting.Store(true)
			}
		}})
	}()
	_, _ = io.Copy(client, listen{server, func([]byte) {
		if inserting.Load() {
			p.cuts.Add(1)
			p.deaf.Store(false)
			client.Close()
		}
	}})
}

// listen hears what is read.
type listen struct {
	io.Reader
	hear func([]byte)
}

func (l listen) Read(buffer []byte) (int, error) {
	n, err := l.Reader.Read(buffer)
	l.hear(buffer[:n])
	return n, err
}

func TestWhileTheDatabaseIsGoneOrdersAreTurnedAwayAndLaterTakenAgain(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	testenv.Topics(t, brokers, 1)
	database := newProxy(t, testenv.PostgreSQL(t))
	r := start(t, brokers, database.url, order.Timing{}) // as in production: it is about what takes how long
	place := func() (id int64) {
		r.until("orders are taken", func() bool {
			var status int
			status, id = r.post()
			return status == http.StatusAccepted
		})
		return id
	}
	before := place()

	database.set(true)
	began := time.Now()
	response, err := http.Post(r.api+"/api/orders", "application/json", strings.NewReader(`{"userId":42,"items":[{"sku":"ABC-001","qty":2}]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" || response.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%d %v", response.StatusCode, response.Header)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Fatalf("answered after %s", took)
	}
	r.verbose() // ready all the same

	database.set(false)
	after := place()
	others := connect(t, brokers, event.TopicOrderCreated)
	for _, id := range []int64{before, after} {
		others.send(outcome(others.created(id), event.StatusReserved))
		r.until("outcomes are applied again", func() bool { return r.status(id) == order.Reserved })
	}
}

func TestAnAnswerLostOnItsWayFromPostgreSQLMakesOneOrder(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	testenv.Topics(t, brokers, 1)
	database := newProxy(t, testenv.PostgreSQL(t))
	r := start(t, brokers, database.url, order.Timing{Lease: time.Second, Place: time.Minute})
	r.place() // statements are prepared now, so that the next insert is one message and one answer
	const rounds = 5
	for round := range rounds {
		database.deaf.Store(true)
		response, err := http.Post(r.api+"/api/orders", "application/json", strings.NewReader(fmt.Sprintf(`{"userId":%d,"items":[{"sku":"SKU-DEAF","qty":2}]}`, 1000+round)))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusAccepted {
			t.Fatalf("round %d: %d", round, response.StatusCode)
		}
		list, err := http.Get(fmt.Sprintf("%s/api/orders?userId=%d", r.api, 1000+round))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(list.Body)
		list.Body.Close()
		if n := strings.Count(string(text), `"orderId"`); n != 1 {
			t.Fatalf("round %d: %d orders: %s", round, n, text)
		}
	}
	if cuts := database.cuts.Load(); cuts != rounds {
		t.Fatalf("%d of %d answers were lost", cuts, rounds)
	}
}
