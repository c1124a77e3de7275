package inventory_test

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/inventory"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func order(t rapid.TB, id int64, items ...event.Item) inventory.Order {
	t.Helper()
	o, err := inventory.NewOrder(event.OrderCreated{OrderID: id, UserID: 42, Items: items})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func shelves(stock ...inventory.Stock) map[string]inventory.Stock {
	m := map[string]inventory.Stock{}
	for _, s := range stock {
		m[s.SKU] = s
	}
	return m
}

func TestAnOrderIsReservedWholeOrRejectedWhole(t *testing.T) {
	t.Parallel()
	stock := shelves(inventory.Stock{SKU: "A", OnHand: 5, Reserved: 2}, inventory.Stock{SKU: "B", OnHand: 1})
	for name, test := range map[string]struct {
		items   []event.Item
		reason  inventory.Reason
		lacking []inventory.Shortage
		taken   map[string]int64
	}{
		"all there":                   {items: []event.Item{{SKU: "A", Qty: 3}, {SKU: "B", Qty: 1}}, taken: map[string]int64{"A": 3, "B": 1}},
		"one too many":                {items: []event.Item{{SKU: "A", Qty: 4}, {SKU: "B", Qty: 1}}, reason: inventory.OutOfStock, lacking: []inventory.Shortage{{SKU: "A", Available: 3}}},
		"one unknown":                 {items: []event.Item{{SKU: "A", Qty: 1}, {SKU: "C", Qty: 1}}, reason: inventory.UnknownSKU, lacking: []inventory.Shortage{{SKU: "C", Unknown: true}}},
		"unknown weighs more":         {items: []event.Item{{SKU: "0", Qty: 1}, {SKU: "A", Qty: 9}}, reason: inventory.UnknownSKU, lacking: []inventory.Shortage{{SKU: "0", Unknown: true}, {SKU: "A", Available: 3}}},
		"repeated skus are summed up": {items: []event.Item{{SKU: "A", Qty: 2}, {SKU: "A", Qty: 2}}, reason: inventory.OutOfStock, lacking: []inventory.Shortage{{SKU: "A", Available: 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := inventory.Decide([]inventory.Order{order(t, 1, test.items...)}, stock, nil, inventory.Rules{At: noon})
			got := d.Results[0]
			if got.Err != nil || !got.New || got.Outcome.Reason != test.reason || !got.Outcome.At.Equal(noon) {
				t.Errorf("decided %+v, want reason %q at %s", got, test.reason, noon)
			}
			if diff := cmp.Diff(test.lacking, got.Lacking); diff != "" {
				t.Errorf("lacking (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.taken, d.Taken, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("taken (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnOrderHasOneOutcome(t *testing.T) {
	t.Parallel()
	wanted := order(t, 1, event.Item{SKU: "A", Qty: 1})
	other := order(t, 1, event.Item{SKU: "A", Qty: 2})
	failing := order(t, 2, event.Item{SKU: "FAIL", Qty: 1})
	stock := shelves(inventory.Stock{SKU: "A", OnHand: 10}, inventory.Stock{SKU: "FAIL", OnHand: 10})
	earlier := noon.Add(-time.Hour)
	rules := inventory.Rules{At: noon, FailSKU: "FAIL"}

	t.Run("repeats inside a batch count once", func(t *testing.T) {
		t.Parallel()
		d := inventory.Decide([]inventory.Order{wanted, wanted}, stock, nil, rules)
		if d.Taken["A"] != 1 || !d.Results[0].New || d.Results[1].New || d.Results[0].Outcome != d.Results[1].Outcome {
			t.Errorf("got %+v", d)
		}
	})
	t.Run("a stored one is given again, with its time, and takes nothing", func(t *testing.T) {
		t.Parallel()
		stored := inventory.Outcome{Fingerprint: wanted.Fingerprint, Reason: inventory.OutOfStock, At: earlier}
		d := inventory.Decide([]inventory.Order{wanted}, stock, map[int64]inventory.Outcome{1: stored}, rules)
		if d.Results[0].Outcome != stored || d.Results[0].New || len(d.Taken) != 0 {
			t.Errorf("got %+v", d)
		}
	})
	t.Run("other content is a conflict, stored or in the batch", func(t *testing.T) {
		t.Parallel()
		d := inventory.Decide([]inventory.Order{wanted, other}, stock, nil, rules)
		if !errors.Is(d.Results[1].Err, inventory.ErrConflict) || d.Taken["A"] != 1 {
			t.Errorf("in the batch: got %+v", d)
		}
		d = inventory.Decide([]inventory.Order{other}, stock, map[int64]inventory.Outcome{1: {Fingerprint: wanted.Fingerprint}}, rules)
		if !errors.Is(d.Results[0].Err, inventory.ErrConflict) || len(d.Taken) != 0 {
			t.Errorf("stored: got %+v", d)
		}
	})
	t.Run("the fail sku fails, unless it is off or the order was decided before", func(t *testing.T) {
		t.Parallel()
		if d := inventory.Decide([]inventory.Order{failing, wanted}, stock, nil, rules); !errors.Is(d.Results[0].Err, inventory.ErrFailSKU) || !d.Results[1].New {
			t.Errorf("on: got %+v", d)
		}
		if d := inventory.Decide([]inventory.Order{failing}, stock, nil, inventory.Rules{At: noon}); !d.Results[0].New {
			t.Errorf("off: got %+v", d)
		}
		stored := map[int64]inventory.Outcome{2: {Fingerprint: failing.Fingerprint, At: earlier}}
		if d := inventory.Decide([]inventory.Order{failing}, stock, stored, rules); d.Results[0].Err != nil || !d.Results[0].Outcome.At.Equal(earlier) {
			t.Errorf("decided before: got %+v", d)
		}
	})
}

// world draws stock that holds its invariant and orders for it, some repeated, some unknown.
func world(t *rapid.T) (map[string]inventory.Stock, []inventory.Order) {
	sku := rapid.SampledFrom([]string{"A", "B", "C", "D", "missing", "FAIL"})
	stock := map[string]inventory.Stock{}
	for _, s := range []string{"A", "B", "C", "D", "FAIL"} {
		onHand := rapid.Int64Range(0, 40).Draw(t, "onHand")
		stock[s] = inventory.Stock{SKU: s, OnHand: onHand, Reserved: rapid.Int64Range(0, onHand).Draw(t, "reserved")}
	}
	item := rapid.Custom(func(t *rapid.T) event.Item {
		return event.Item{SKU: sku.Draw(t, "sku"), Qty: rapid.Int64Range(1, 12).Draw(t, "qty")}
	})
	orders := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) inventory.Order {
		id := rapid.Int64Range(1, 15).Draw(t, "id")
		return order(t, id, rapid.SliceOfN(item, 1, 4).Draw(t, "items")...)
	}), 0, 25).Draw(t, "orders")
	return stock, orders
}

// keep does what a store does with a decision.
func keep(stock map[string]inventory.Stock, stored map[int64]inventory.Outcome, orders []inventory.Order, d inventory.Decision) {
	for sku, qty := range d.Taken {
		s := stock[sku]
		s.Reserved += qty
		stock[sku] = s
	}
	for i, r := range d.Results {
		if r.New {
			stored[orders[i].ID] = r.Outcome
		}
	}
}

func TestNothingIsOversoldAndNothingVanishes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		stock, orders := world(t)
		before, stored := maps.Clone(stock), map[int64]inventory.Outcome{}
		d := inventory.Decide(orders, stock, stored, inventory.Rules{At: noon, FailSKU: "FAIL"})
		if diff := cmp.Diff(before, stock); diff != "" {
			t.Fatalf("deciding changed the stock it was given:\n%s", diff)
		}
		keep(stock, stored, orders, d)
		sold := map[string]int64{}
		for i, r := range d.Results {
			if r.New && r.Outcome.Reason == "" {
				for _, item := range orders[i].Items {
					sold[item.SKU] += item.Qty
				}
			}
			if (r.Outcome.Reason == "") == (len(r.Lacking) > 0) && r.New {
				t.Fatalf("order %d: reason %q, but lacking %v", orders[i].ID, r.Outcome.Reason, r.Lacking)
			}
		}
		for sku, s := range stock {
			if s.Available() < 0 || s.Reserved > s.OnHand {
				t.Fatalf("%s is oversold: %+v", sku, s)
			}
			if s.OnHand != before[sku].OnHand || s.Reserved != before[sku].Reserved+sold[sku] {
				t.Fatalf("%s: reserved went from %d to %d for orders over %d", sku, before[sku].Reserved, s.Reserved, sold[sku])
			}
		}
	})
}

func TestHowOrdersAreBatchedChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		stock, orders := world(t)
		rules := inventory.Rules{At: noon, FailSKU: "FAIL"}
		whole := inventory.Decide(orders, stock, nil, rules)

		stock, stored := maps.Clone(stock), map[int64]inventory.Outcome{}
		var apart []string
		for rest := orders; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "batch")
			d := inventory.Decide(rest[:n], stock, stored, rules)
			keep(stock, stored, rest[:n], d)
			apart = append(apart, verdicts(d)...)
			rest = rest[n:]
		}
		if diff := cmp.Diff(verdicts(whole), apart); diff != "" {
			t.Fatalf("one batch (-) and several (+) decided differently:\n%s", diff)
		}
	})
}

func TestWhereThereIsEnoughForAllTheirOrderChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		stock, orders := world(t)
		for sku, s := range stock {
			s.OnHand = 1_000_000
			stock[sku] = s
		}
		for i := range orders {
			orders[i].ID = int64(i + 1) // conflicts go to whoever comes first
		}
		byID := func(orders []inventory.Order) map[int64]string {
			verdict := map[int64]string{}
			for i, v := range verdicts(inventory.Decide(orders, stock, nil, inventory.Rules{At: noon})) {
				verdict[orders[i].ID] = v
			}
			return verdict
		}
		shuffled := rapid.Permutation(orders).Draw(t, "shuffled")
		if diff := cmp.Diff(byID(orders), byID(shuffled)); diff != "" {
			t.Fatalf("in another order (+):\n%s", diff)
		}
	})
}

func verdicts(d inventory.Decision) []string {
	var all []string
	for _, r := range d.Results {
		all = append(all, fmt.Sprint(r.Outcome.Status(), r.Outcome.Reason, r.Err))
	}
	return all
}
