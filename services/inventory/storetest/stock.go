package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/openorder/openorder/services/inventory"
)

func set(t *testing.T, open func() inventory.Store) {
	store := open()
	try := func(onHand int64, only inventory.Precondition) (inventory.Stock, bool, error) {
		return store.SetStock(t.Context(), "A", onHand, only)
	}
	_, err := store.Stock(t.Context(), "A")
	wantError(t, err, inventory.ErrNotFound)
	_, _, err = try(1, inventory.Precondition{Exists: true})
	wantError(t, err, inventory.ErrPrecondition)
	first, created, err := try(10, inventory.Precondition{Absent: true})
	if !created || err != nil {
		t.Fatalf("the first: %v, created %v", err, created)
	}
	_, _, err = try(11, inventory.Precondition{Absent: true})
	wantError(t, err, inventory.ErrPrecondition)
	second, created, err := try(11, inventory.Precondition{Versions: []int64{first.Version}})
	if created || err != nil || second.Version == first.Version {
		t.Fatalf("the second: %v, created %v, version %d after %d", err, created, second.Version, first.Version)
	}
	_, _, err = try(12, inventory.Precondition{Versions: []int64{first.Version}})
	wantError(t, err, inventory.ErrPrecondition)
	wantStock(t, open(), "A", 11, 0)
}

func belowReserved(t *testing.T, open func() inventory.Store) {
	store := open()
	put(t, store, "A", 10)
	reserve(t, store, rules(0), NewOrder(t, 1, of("A", 6)))
	_, _, err := store.SetStock(t.Context(), "A", 5, inventory.Precondition{})
	wantError(t, err, inventory.ErrBelowReserved)
	_, err = store.AdjustStock(t.Context(), inventory.Adjustment{SKU: "A", Delta: -5, Reason: "broken", Key: "k"})
	wantError(t, err, inventory.ErrBelowReserved)
	wantStock(t, store, "A", 10, 6)
	put(t, store, "A", 6)
	if _, err := store.AdjustStock(t.Context(), inventory.Adjustment{SKU: "A", Delta: 5, Reason: "found", Key: "k"}); err != nil {
		t.Errorf("a key whose request was refused is free again: %v", err)
	}
	wantStock(t, store, "A", 11, 6)
}

func version(t *testing.T, open func() inventory.Store) {
	store := open()
	before := put(t, store, "A", 10)
	reserve(t, store, rules(0), NewOrder(t, 1, of("A", 6)))
	after, err := store.Stock(t.Context(), "A")
	if after.Version != before.Version || after.Reserved != 6 || err != nil {
		t.Errorf("got %+v, %v after %+v", after, err, before)
	}
	adjusted, err := store.AdjustStock(t.Context(), inventory.Adjustment{SKU: "A", Delta: 1, Reason: "found"})
	if adjusted.Version == before.Version || err != nil {
		t.Errorf("adjusted: %+v, %v", adjusted, err)
	}
}

func adjustOnce(t *testing.T, open func() inventory.Store) {
	store := open()
	put(t, store, "A", 10)
	put(t, store, "B", 10)
	adjust := func(sku string, delta int64, reason, key string) (inventory.Stock, error) {
		return store.AdjustStock(t.Context(), inventory.Adjustment{SKU: sku, Delta: delta, Reason: reason, Key: key})
	}
	first, err := adjust("A", -3, "broken", "k")
	if err != nil || first.OnHand != 7 {
		t.Fatalf("got %+v, %v", first, err)
	}
	put(t, store, "A", 100)
	if again, err := adjust("A", -3, "broken", "k"); again != first || err != nil {
		t.Errorf("again: %+v, %v, want the first answer %+v", again, err, first)
	}
	for name, other := range map[string]inventory.Adjustment{
		"another sku":    {SKU: "B", Delta: -3, Reason: "broken"},
		"another delta":  {SKU: "A", Delta: -4, Reason: "broken"},
		"another reason": {SKU: "A", Delta: -3, Reason: "lost"},
	} {
		if _, err := adjust(other.SKU, other.Delta, other.Reason, "k"); err == nil {
			t.Errorf("%s under the same key was taken", name)
		} else {
			wantError(t, err, inventory.ErrKeyReused)
		}
	}
	for range 2 {
		if _, err := adjust("A", 1, "found", ""); err != nil {
			t.Error(err)
		}
	}
	wantStock(t, store, "A", 102, 0)
	wantStock(t, store, "B", 10, 0)
	_, err = adjust("missing", 1, "found", "m")
	wantError(t, err, inventory.ErrNotFound)
}

func movements(t *testing.T, open func() inventory.Store) {
	store := open()
	put(t, store, "A", 10)
	put(t, store, "B", 1)
	put(t, store, "A", 4)
	adjustment := inventory.Adjustment{SKU: "A", Delta: 3, Reason: "found", Key: "k"}
	for range 2 { // the second time nothing moves
		if _, err := store.AdjustStock(t.Context(), adjustment); err != nil {
			t.Fatal(err)
		}
	}
	reserve(t, store, rules(0), NewOrder(t, 1, of("A", 1)))
	want := []inventory.Movement{{Delta: 3, OnHand: 7, Reason: "found"}, {Delta: -6, OnHand: 4}, {Delta: 10, OnHand: 10}}
	for before := int64(0); ; {
		page, err := store.Movements(t.Context(), "A", before, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		before = page[len(page)-1].ID
		for _, got := range page {
			if time.Since(got.At).Abs() > time.Minute {
				t.Errorf("moved at %s", got.At)
			}
			got.ID, got.At = 0, time.Time{}
			if len(want) == 0 || got != want[0] {
				t.Fatalf("got %+v, want %+v", got, want)
			}
			want = want[1:]
		}
	}
	if len(want) > 0 {
		t.Errorf("not listed: %+v", want)
	}
}

func forget(t *testing.T, open func() inventory.Store) {
	store := open()
	put(t, store, "A", 10)
	for _, key := range []string{"1", "2", "3"} {
		if _, err := store.AdjustStock(t.Context(), inventory.Adjustment{SKU: "A", Delta: 1, Reason: "found", Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	step := func(before time.Time, want int) {
		t.Helper()
		if got, err := store.ForgetKeys(t.Context(), before, 2); got != want || err != nil {
			t.Errorf("forgot %d, %v; want %d", got, err, want)
		}
	}
	step(time.Now().Add(-time.Hour), 0)
	step(time.Now().Add(time.Hour), 2)
	step(time.Now().Add(time.Hour), 1)
	step(time.Now().Add(time.Hour), 0)
	if stock, err := store.AdjustStock(t.Context(), inventory.Adjustment{SKU: "A", Delta: 5, Reason: "other", Key: "1"}); err != nil || stock.OnHand != 18 {
		t.Errorf("a forgotten key: %+v, %v", stock, err)
	}
}

func list(t *testing.T, open func() inventory.Store) {
	store := open()
	for sku, onHand := range map[string]int64{"B": 2, "a": 3, "A": 1, "Ä": 4, "C": 0} {
		put(t, store, sku, onHand)
	}
	reserve(t, store, rules(0), NewOrder(t, 1, of("B", 2)), NewOrder(t, 2, of("a", 1)))
	var skus []string
	for after := ""; ; {
		page, err := store.ListStock(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, stock := range page {
			skus = append(skus, stock.SKU)
		}
		after = page[len(page)-1].SKU
	}
	if want := []string{"A", "B", "C", "a", "Ä"}; !slices.Equal(skus, want) {
		t.Errorf("listed %q, want %q", skus, want)
	}
	totals, err := store.Totals(t.Context())
	if want := (inventory.Totals{SKUs: 5, SoldOut: 2, OnHand: 10, Reserved: 3}); totals != want || err != nil {
		t.Errorf("totals %+v, %v; want %+v", totals, err, want)
	}
}
