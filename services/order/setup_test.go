package order_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/order"
	"github.com/openorder/openorder/services/order/storetest"
)

// hooked is a store some of whose methods are a test's.
type hooked struct {
	order.Store
	insert func(ctx context.Context, group []order.Placement, lease time.Duration) (map[[32]byte]order.Owner, error)
	claim  func(ctx context.Context, n int64) (int64, error)
}

func (h *hooked) Insert(ctx context.Context, group []order.Placement, lease time.Duration) (map[[32]byte]order.Owner, error) {
	if h.insert != nil {
		return h.insert(ctx, group, lease)
	}
	return h.Store.Insert(ctx, group, lease)
}

func (h *hooked) ClaimIDs(ctx context.Context, n int64) (int64, error) {
	if h.claim != nil {
		return h.claim(ctx, n)
	}
	return h.Store.ClaimIDs(ctx, n)
}

// broker is where a service publishes: it keeps what it is given, or refuses.
type broker struct {
	mu        sync.Mutex
	gone      bool
	partition int64 // of the user whose orders are not taken
	published []order.Order
}

var errBrokerGone = errors.New("broker gone")

func (b *broker) publish(_ context.Context, orders []order.Order) []error {
	b.mu.Lock()
	defer b.mu.Unlock()
	errs := make([]error, len(orders))
	for i, o := range orders {
		if b.gone || b.partition == o.UserID {
			errs[i] = errBrokerGone
			continue
		}
		b.published = append(b.published, o)
	}
	return errs
}

// lose makes the brokers take no orders of a user, as if they all were of one partition.
func (b *broker) lose(user int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.partition = user
}

func (b *broker) set(gone bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = gone
}

func (b *broker) all() []order.Order {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]order.Order(nil), b.published...)
}

// times counts how often an order was published.
func (b *broker) times(id int64) int {
	n := 0
	for _, o := range b.all() {
		if o.ID == id {
			n++
		}
	}
	return n
}

// quick is how tests time a service, except for what they are about.
var quick = order.Timing{
	Place: time.Minute, Lease: time.Minute, Stop: time.Second, Sweep: 5 * time.Millisecond, Watch: 5 * time.Millisecond,
	Unanswered: order.Backoff{Base: time.Hour, Limit: time.Hour}, SweepKeys: time.Hour,
}

type bundle struct {
	*order.Service
	store   *hooked
	broker  *broker
	metrics *prometheus.Registry
	stop    func() // ends the tasks and waits for them
}

// setup is a service on a new SQLite file whose tasks run.
func setup(t *testing.T, timing order.Timing) *bundle {
	t.Helper()
	store, _ := storetest.SQLite(t)
	b := prepare(store, &broker{}, timing)
	b.start(t)
	return b
}

func prepare(store order.Store, broker *broker, timing order.Timing) *bundle {
	b := &bundle{store: &hooked{Store: store}, broker: broker, metrics: prometheus.NewRegistry()}
	b.Service = order.New(order.Config{
		Store: b.store, Publish: b.broker.publish, Log: slog.New(slog.DiscardHandler), Metrics: b.metrics, Timing: timing,
	})
	return b
}

func (b *bundle) start(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	for _, task := range b.Tasks() {
		tasks.Go(func() { _ = task(ctx) })
	}
	b.stop = func() { cancel(); tasks.Wait() }
	t.Cleanup(b.stop)
}

func request(user int64) order.Request {
	return order.Request{Draft: order.Draft{UserID: user, Items: event.Items{{SKU: "ABC-001", Qty: 2}}}}
}

func mustPlace(t *testing.T, s *order.Service, r order.Request) int64 {
	t.Helper()
	id, err := s.Place(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func mustGet(t *testing.T, s *order.Service, id int64) order.Order {
	t.Helper()
	o, found, err := s.Get(t.Context(), id)
	if err != nil || !found {
		t.Fatalf("order %d: found %v, %v", id, found, err)
	}
	return o
}

func mustReport(t *testing.T, s *order.Service, reports ...order.Report) {
	t.Helper()
	if _, err := s.Report(t.Context(), reports); err != nil {
		t.Fatal(err)
	}
}
