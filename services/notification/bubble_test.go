package notification_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/notification"
	"github.com/openorder/openorder/services/notification/sqlite"
)

// receiver is a sender that answers as a test tells it to and remembers what it got, and when.
type receiver struct {
	answer func(n notification.Notification, attempt int) notification.Result

	mu    sync.Mutex
	ready error
	got   map[notification.ID][]time.Time
}

func (r *receiver) Ready() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ready
}

func (r *receiver) Send(_ context.Context, batch []notification.Notification) []notification.Result {
	results := make([]notification.Result, len(batch))
	for i, n := range batch {
		r.mu.Lock()
		r.got[n.ID] = append(r.got[n.ID], time.Now())
		attempt := len(r.got[n.ID])
		r.mu.Unlock()
		results[i] = r.answer(n, attempt)
	}
	return results
}

func (r *receiver) attempts(id notification.ID) []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got[id]
}

func (r *receiver) delivered() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

func newReceiver(answer func(n notification.Notification, attempt int) notification.Result) *receiver {
	return &receiver{answer: answer, got: map[notification.ID][]time.Time{}}
}

func accepts(notification.Notification, int) notification.Result { return notification.Result{} }
func refuses(notification.Notification, int) notification.Result {
	return notification.Result{Err: errors.New("503")}
}

const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"

// desk is a ledger and the couriers of its receivers, in a bubble of time.
type desk struct {
	t        *testing.T
	ledger   *sqlite.Ledger
	couriers sync.WaitGroup
	stop     context.CancelFunc
	ctx      context.Context
	said     bytes.Buffer // in the log, to be read once the couriers have ended
	log      *slog.Logger
}

// inBubble runs a test in which a day takes no time.
func inBubble(t *testing.T, test func(t *testing.T, d *desk)) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "notification.db")
	synctest.Test(t, func(t *testing.T) {
		schema := database.Schema{Name: "notification_service", SQLite: sqlite.Migrations}
		db, err := database.Open(t.Context(), database.Config{URL: "sqlite:" + file}, schema, slog.New(slog.DiscardHandler), func(error) {})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		d := &desk{t: t, ledger: sqlite.New(db.SQLite.Write, db.SQLite.Read)}
		d.log = slog.New(slog.NewJSONHandler(&d.said, nil))
		d.ctx, d.stop = context.WithCancel(t.Context())
		test(t, d)
		d.stop()
		d.couriers.Wait()
	})
}

// hire starts a courier for a receiver; wake is what new notifications ring.
func (d *desk) hire(id string, sender notification.Sender, ledger notification.CourierLedger) (wake chan struct{}) {
	d.t.Helper()
	r := notification.Receiver{ID: id, Address: id, Sender: sender, Batch: 1, Parallel: 4}
	if err := d.ledger.Register(d.ctx, []notification.Receiver{r}); err != nil {
		d.t.Fatal(err)
	}
	wake = make(chan struct{}, 1)
	courier := &notification.Courier{
		Receiver: r, Ledger: ledger, Wake: wake, Log: d.log, Report: func(error) {},
		Observe: func(notification.Notification, notification.Settlement, time.Duration) {},
	}
	d.couriers.Go(func() {
		if err := courier.Run(d.ctx); err != nil {
			d.t.Error(err)
		}
	})
	return wake
}

func (d *desk) record(receivers []string, orders ...int64) {
	d.t.Helper()
	var events []notification.Event
	for _, id := range orders {
		events = append(events, notification.Event{
			OrderID: id, Status: notification.Reserved, At: time.Now(), TraceParent: "00-" + traceID + "-00f067aa0ba902b7-01",
		})
	}
	if _, err := d.ledger.Record(d.ctx, events, receivers); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) state(id notification.ID) notification.Notification {
	d.t.Helper()
	found, err := d.ledger.List(context.Background(), notification.Filter{OrderID: id.OrderID, Limit: 100})
	if err != nil {
		d.t.Fatal(err)
	}
	for _, n := range found {
		if n.ID == id {
			return n
		}
	}
	d.t.Fatalf("%s is not in the ledger", id)
	return notification.Notification{}
}

func reserved(order int64, receiver string) notification.ID {
	return notification.ID{OrderID: order, Status: notification.Reserved, Receiver: receiver}
}
