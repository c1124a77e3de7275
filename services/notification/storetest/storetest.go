// Package storetest is what every notification ledger has to do.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/openorder/openorder/services/notification"
)

// Ledger is all that a store offers.
type Ledger interface {
	notification.CourierLedger
	Record(ctx context.Context, events []notification.Event, receivers []string) ([]notification.Event, error)
	Probe(ctx context.Context) error
	Register(ctx context.Context, receivers []notification.Receiver) error
	List(ctx context.Context, f notification.Filter) ([]notification.Notification, error)
	Backlog(ctx context.Context) ([]notification.Backlog, error)
	Rearm(ctx context.Context, id notification.ID) (notification.Notification, error)
	RearmReceiver(ctx context.Context, receiver string) (int64, error)
	Recall(ctx context.Context) (int64, error)
}

// Run runs the suite. open makes an empty ledger, and open2 two on the same database, or nothing where only one process
// can have it.
func Run(t *testing.T, open func(t testing.TB) Ledger, open2 func(t testing.TB) (Ledger, Ledger)) {
	for name, test := range map[string]func(t *testing.T, l Ledger){
		"records what is news, for each receiver":            recordsNews,
		"records nothing twice":                              recordsNothingTwice,
		"decides in batches as it does one by one":           decidesInBatches,
		"keeps texts and times as they are":                  keepsTexts,
		"remembers decisions where nobody is told":           remembersWithoutReceivers,
		"probes without a trace":                             probes,
		"claims what is due, up to the limit":                claims,
		"claims for one receiver only":                       claimsForOneReceiver,
		"claims anew when a claim has ended":                 claimsAnew,
		"settles only for who holds the claim":               settlesOnlyForHolder,
		"writes a delivery down whoever holds the claim":     writesDeliveriesDown,
		"tells when the next is due":                         tellsNext,
		"leaves a receiver alone that asked for it":          pauses,
		"knows who is gone until somebody re-arms":           gone,
		"ends nothing of who was re-armed meanwhile":         rearmedMeanwhile,
		"re-arms only what has ended badly":                  rearms,
		"re-arms all of a receiver":                          rearmsReceiver,
		"lists the newest first, page by page, and filtered": lists,
		"sums up what is not delivered":                      sumsUp,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
	if open2 != nil {
		t.Run("two replicas decide and claim everything once", func(t *testing.T) {
			t.Parallel()
			a, b := open2(t)
			twoReplicas(t, a, b)
		})
	}
}

const (
	anna = "anna"
	bert = "bert"
	hour = time.Hour
)

var at = time.Date(2026, 7, 1, 12, 0, 0, 123456000, time.UTC)

func event(id int64, status notification.Status) notification.Event {
	return notification.Event{OrderID: id, Status: status, Reason: "because", At: at, TraceParent: "00-trace"}
}

func record(t testing.TB, l Ledger, receivers []string, events ...notification.Event) []notification.Event {
	t.Helper()
	news, err := l.Record(t.Context(), events, receivers)
	if err != nil {
		t.Fatal(err)
	}
	return news
}

func list(t testing.TB, l Ledger, f notification.Filter) []notification.Notification {
	t.Helper()
	if f.Limit == 0 {
		f.Limit = 1000
	}
	found, err := l.List(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func claimant(receiver string) notification.Claimant {
	return notification.Claimant{Receiver: receiver, Run: uuid.New()}
}

func claim(t testing.TB, l Ledger, c notification.Claimant, limit int, hold time.Duration) notification.Claim {
	t.Helper()
	got, err := l.Claim(t.Context(), c, limit, hold, hour)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func settle(t testing.TB, l Ledger, c notification.Claimant, v notification.Verdict, settlements ...notification.Settlement) {
	t.Helper()
	if err := l.Settle(t.Context(), c, settlements, v); err != nil {
		t.Fatal(err)
	}
}

func ids(notifications []notification.Notification) []notification.ID {
	found := []notification.ID{}
	for _, n := range notifications {
		found = append(found, n.ID)
	}
	return found
}

func want[T any](t testing.TB, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s:\n%s", what, diff)
	}
}

// only is the one notification of an order and receiver.
func only(t testing.TB, l Ledger, id int64) notification.Notification {
	t.Helper()
	found := list(t, l, notification.Filter{OrderID: id})
	if len(found) != 1 {
		t.Fatalf("order %d has %d notifications", id, len(found))
	}
	return found[0]
}

func register(t testing.TB, l Ledger, receivers ...string) {
	t.Helper()
	for _, r := range receivers {
		if err := l.Register(t.Context(), []notification.Receiver{{ID: r, Address: "https://" + r + ".example"}}); err != nil {
			t.Fatal(err)
		}
	}
}
