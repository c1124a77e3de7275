// Package storetest is what every store of the inventory has to do, whatever it is built on.
package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/inventory"
)

// Database makes a new, empty, migrated database for a test. Each call of what it returns opens it once more, as another
// process would.
type Database func(t testing.TB) (open func() inventory.Store)

// Run runs the suite.
func Run(t *testing.T, database Database) {
	for name, test := range map[string]func(*testing.T, func() inventory.Store){
		"an order is reserved whole or rejected whole":             wholeOrNothing,
		"an outcome stays as it is, with its time":                 replay,
		"another order of the same id is a conflict":               conflict,
		"repeats in a batch and over batches take stock once":      repeats,
		"the fail sku fails, but not what was decided":             failing,
		"a batch of nothing, and one of only old orders":           nothingNew,
		"items of any printable sku come back":                     printable,
		"a probe finds nothing wrong and leaves nothing":           probe,
		"an ended context changes nothing":                         ended,
		"stock is set under preconditions":                         set,
		"stock is never set below what is reserved":                belowReserved,
		"reservations leave the version alone":                     version,
		"an adjustment happens once a key":                         adjustOnce,
		"each change of stock is kept":                             movements,
		"keys are forgotten in small steps":                        forget,
		"stock is listed in pages and summed up":                   list,
		"two processes over the same rows never oversell":          twoProcesses,
		"counting stock while it is reserved loses neither":        countWhileReserving,
		"the same adjustment from many sides at once happens once": adjustAtOnce,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, database(t))
		})
	}
}

var noon = time.Date(2026, 5, 1, 12, 0, 0, 123456000, time.UTC)

// rules at a time after noon.
func rules(after time.Duration) inventory.Rules { return inventory.Rules{At: noon.Add(after)} }

// NewOrder makes a valid order of user 42.
func NewOrder(t testing.TB, id int64, items ...event.Item) inventory.Order {
	t.Helper()
	order, err := inventory.NewOrder(event.OrderCreated{OrderID: id, UserID: 42, Items: items})
	if err != nil {
		t.Fatal(err)
	}
	return order
}

func of(sku string, qty int64) event.Item { return event.Item{SKU: sku, Qty: qty} }

func put(t testing.TB, store inventory.Store, sku string, onHand int64) inventory.Stock {
	t.Helper()
	stock, _, err := store.SetStock(t.Context(), sku, onHand, inventory.Precondition{})
	if err != nil {
		t.Fatal(err)
	}
	return stock
}

func reserve(t testing.TB, store inventory.Store, rules inventory.Rules, orders ...inventory.Order) []inventory.Result {
	t.Helper()
	results, err := store.Reserve(t.Context(), orders, rules)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func wantStock(t testing.TB, store inventory.Store, sku string, onHand, reserved int64) {
	t.Helper()
	stock, err := store.Stock(t.Context(), sku)
	if err != nil {
		t.Fatal(err)
	}
	if stock.OnHand != onHand || stock.Reserved != reserved {
		t.Errorf("%s: on hand %d, reserved %d; want %d and %d", sku, stock.OnHand, stock.Reserved, onHand, reserved)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}

func wantReservation(t testing.TB, store inventory.Store, want inventory.Reservation) {
	t.Helper()
	got, err := store.Reservation(t.Context(), want.OrderID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order %d (-want +got):\n%s", want.OrderID, diff)
	}
}

func wholeOrNothing(t *testing.T, open func() inventory.Store) {
	store := open()
	put(t, store, "A", 5)
	put(t, store, "B", 1)
	first := NewOrder(t, 1, of("A", 3), of("B", 1))
	second := NewOrder(t, 2, of("A", 1), of("B", 1))
	third := NewOrder(t, 3, of("A", 1), of("C", 7))
	reserve(t, store, rules(0), first, second, third)
	wantStock(t, store, "A", 5, 3)
	wantStock(t, store, "B", 1, 1)
	outcome := func(o inventory.Order, reason inventory.Reason) inventory.Outcome {
		return inventory.Outcome{Fingerprint: o.Fingerprint, Reason: reason, At: noon}
	}
	wantReservation(t, store, inventory.Reservation{OrderID: 1, Outcome: outcome(first, ""), Items: first.Items})
	wantReservation(t, store, inventory.Reservation{OrderID: 2, Outcome: outcome(second, inventory.OutOfStock), Items: second.Items, Lacking: []inventory.Shortage{{SKU: "B"}}})
	wantReservation(t, store, inventory.Reservation{OrderID: 3, Outcome: outcome(third, inventory.UnknownSKU), Items: third.Items, Lacking: []inventory.Shortage{{SKU: "C", Unknown: true}}})
	_, err := store.Reservation(t.Context(), 4)
	wantError(t, err, inventory.ErrNotFound)
}

func replay(t *testing.T, open func() inventory.Store) {
	store := open()
	put(t, store, "A", 2)
	reserved, rejected := NewOrder(t, 1, of("A", 2)), NewOrder(t, 2, of("A", 1))
	before := reserve(t, store, rules(0), reserved, rejected)
	put(t, store, "A", 100)
	for i, after := range reserve(t, open(), rules(time.Hour), reserved, rejected) {
		if after.New || after.Outcome != before[i].Outcome || !after.Outcome.At.Equal(noon) {
			t.Errorf("order %d: got %+v after %+v", i+1, after, before[i])
		}
	}
	wantStock(t, store, "A", 100, 2)
}

func conflict(t *testing.T, open func() inventory.Store) {
	store := open()
	put(t, store, "A", 10)
	reserve(t, store, rules(0), NewOrder(t, 1, of("A", 1)))
	results := reserve(t, store, rules(0), NewOrder(t, 1, of("A", 2)), NewOrder(t, 2, of("A", 1)))
	wantError(t, results[0].Err, inventory.ErrConflict)
	if !results[1].New {
		t.Errorf("the order beside it: %+v, want it decided", results[1])
	}
	wantStock(t, store, "A", 10, 2)
}

func repeats(t *testing.T, open func() inventory.Store) {
	store := open()
	put(t, store, "A", 10)
	order := NewOrder(t, 1, of("A", 3))
	reserve(t, store, rules(0), order, order, order)
	reserve(t, store, rules(0), order, NewOrder(t, 2, of("A", 1)), order)
	wantStock(t, store, "A", 10, 4)
}

func failing(t *testing.T, open func() inventory.Store) {
	store := open()
	put(t, store, "FAIL", 10)
	order := NewOrder(t, 1, of("FAIL", 1))
	on := inventory.Rules{At: noon, FailSKU: "FAIL"}
	wantError(t, reserve(t, store, on, order)[0].Err, inventory.ErrFailSKU)
	wantStock(t, store, "FAIL", 10, 0)
	reserve(t, store, rules(0), order)
	if again := reserve(t, store, on, order)[0]; again.Err != nil || again.Outcome.Reason != "" {
		t.Errorf("decided before: got %+v", again)
	}
}

func nothingNew(t *testing.T, open func() inventory.Store) {
	store := open()
	if results := reserve(t, store, rules(0)); len(results) != 0 {
		t.Errorf("of nothing came %v", results)
	}
	order := NewOrder(t, 1, of("unknown", 1))
	reserve(t, store, rules(0), order)
	reserve(t, store, rules(0), order)
}

func printable(t *testing.T, open func() inventory.Store) {
	store := open()
	order := NewOrder(t, 1, of(`"\/`, 1), of("日本 ①", 2), of("{a,b}", 3), of("NULL", 4), of("'; --", 5))
	for _, item := range order.Items {
		put(t, store, item.SKU, item.Qty)
	}
	result := reserve(t, store, rules(0), order)[0]
	wantReservation(t, store, inventory.Reservation{OrderID: 1, Outcome: result.Outcome, Items: order.Items})
	for _, item := range order.Items {
		wantStock(t, store, item.SKU, item.Qty, item.Qty)
	}
}

func probe(t *testing.T, open func() inventory.Store) {
	store := open()
	for range 2 {
		if err := store.Probe(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if totals, err := store.Totals(t.Context()); totals != (inventory.Totals{}) || err != nil {
		t.Errorf("afterwards: %+v, %v", totals, err)
	}
}

func ended(t *testing.T, open func() inventory.Store) {
	store := open()
	put(t, store, "A", 10)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Reserve(ctx, []inventory.Order{NewOrder(t, 1, of("A", 1))}, rules(0)); err == nil {
		t.Error("reserved under an ended context")
	}
	wantStock(t, store, "A", 10, 0)
	reserve(t, store, rules(0), NewOrder(t, 1, of("A", 1))) // and the store is none the worse
}
