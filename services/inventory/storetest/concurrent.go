package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/inventory"
)

// shelf names some skus, so that every order meets others.
func shelf(n int) string { return fmt.Sprintf("S%02d", n) }

const shelves = 8

// draw makes orders over those skus in no order of their own. What an id asks for depends on the id alone.
func draw(t testing.TB, from, count int64) []inventory.Order {
	t.Helper()
	orders := make([]inventory.Order, 0, count)
	for id := from; id < from+count; id++ {
		random := rand.New(rand.NewPCG(uint64(id), 1))
		var items []event.Item
		for _, n := range random.Perm(shelves)[:1+random.IntN(3)] {
			items = append(items, of(shelf(n), 1+random.Int64N(3)))
		}
		orders = append(orders, NewOrder(t, id, items...))
	}
	rand.Shuffle(len(orders), func(i, j int) { orders[i], orders[j] = orders[j], orders[i] })
	return orders
}

// wantBalance compares each shelf with the outcomes stored.
func wantBalance(t testing.TB, store inventory.Store, lastID int64) (reserved int) {
	t.Helper()
	sold := map[string]int64{}
	for id := int64(1); id <= lastID; id++ {
		r, err := store.Reservation(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if r.Reason == "" {
			reserved++
			for _, item := range r.Items {
				sold[item.SKU] += item.Qty
			}
		}
	}
	list, err := store.ListStock(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, stock := range list {
		if stock.Reserved != sold[stock.SKU] || stock.Available() < 0 {
			t.Errorf("%s: %+v, but the outcomes hold %d", stock.SKU, stock, sold[stock.SKU])
		}
	}
	return reserved
}

// Batches overlap: each order comes from both, as when a partition changes hands while its old owner is still at it.
func twoProcesses(t *testing.T, open func() inventory.Store) {
	const orders, batch, onHand = 600, 50, 60
	stores := []inventory.Store{open(), open()}
	for n := range shelves {
		put(t, stores[0], shelf(n), onHand)
	}
	var decided atomic.Int64
	var all sync.WaitGroup
	for _, store := range stores {
		all.Go(func() {
			for from := int64(1); from <= orders; from += batch {
				results, err := store.Reserve(t.Context(), draw(t, from, batch), rules(0))
				if err != nil {
					t.Error(err)
					return
				}
				for _, result := range results {
					if result.New {
						decided.Add(1)
					}
				}
			}
		})
	}
	all.Wait()
	if decided.Load() != orders {
		t.Errorf("%d outcomes were new, of %d orders", decided.Load(), orders)
	}
	if reserved := wantBalance(t, stores[0], orders); reserved == 0 || reserved == orders {
		t.Errorf("%d of %d were reserved: the test does not test what it says", reserved, orders)
	}
}

func countWhileReserving(t *testing.T, open func() inventory.Store) {
	const orders, batch = 400, 20
	reserver, counter := open(), open()
	for n := range shelves {
		put(t, reserver, shelf(n), 100)
	}
	reserving := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		defer close(reserving)
		for from := int64(1); from <= orders; from += batch {
			if _, err := reserver.Reserve(t.Context(), draw(t, from, batch), rules(0)); err != nil {
				t.Error(err)
			}
		}
	})
	var moved [shelves]int64
	for n := range shelves {
		all.Go(func() {
			for i := int64(0); ; i++ {
				select {
				case <-reserving:
					return
				default:
				}
				delta := 2 - 3*(i%2) // 2, -1, 2, -1, ...
				_, err := counter.AdjustStock(t.Context(), inventory.Adjustment{SKU: shelf(n), Delta: delta, Reason: "counted"})
				switch {
				case err == nil:
					moved[n] += delta
				case !errors.Is(err, inventory.ErrBelowReserved):
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	wantBalance(t, counter, orders)
	for n := range shelves {
		if stock, err := counter.Stock(t.Context(), shelf(n)); err != nil || stock.OnHand != 100+moved[n] {
			t.Errorf("%+v, %v; want %d on hand", stock, err, 100+moved[n])
		}
	}
}

func adjustAtOnce(t *testing.T, open func() inventory.Store) {
	stores := []inventory.Store{open(), open()}
	put(t, stores[0], "A", 10)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			_, err := stores[i%2].AdjustStock(t.Context(), inventory.Adjustment{SKU: "A", Delta: 1, Reason: "found", Key: "k"})
			if err != nil && !errors.Is(err, inventory.ErrKeyInFlight) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	wantStock(t, stores[0], "A", 11, 0)
}
