package inventory_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/inventory"
)

func TestAnOrderIsRefusedFor(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]event.OrderCreated{
		"no id":                        {Items: event.Items{{SKU: "A", Qty: 1}}},
		"no items":                     {OrderID: 1},
		"too many items":               {OrderID: 1, Items: make(event.Items, inventory.MaxItems+1)},
		"no sku":                       {OrderID: 1, Items: event.Items{{Qty: 1}}},
		"qty 0":                        {OrderID: 1, Items: event.Items{{SKU: "A"}}},
		"negative qty":                 {OrderID: 1, Items: event.Items{{SKU: "A", Qty: -1}}},
		"absurd qty":                   {OrderID: 1, Items: event.Items{{SKU: "A", Qty: inventory.MaxQty + 1}}},
		"absurd qty in all":            {OrderID: 1, Items: event.Items{{SKU: "A", Qty: inventory.MaxQty}, {SKU: "A", Qty: 1}}},
		"a NUL in the sku":             {OrderID: 1, Items: event.Items{{SKU: "A\x00", Qty: 1}}},
		"a line feed in the sku":       {OrderID: 1, Items: event.Items{{SKU: "A\n", Qty: 1}}},
		"a sku that is no UTF-8":       {OrderID: 1, Items: event.Items{{SKU: "A\xff", Qty: 1}}},
		"a sku with a replaced letter": {OrderID: 1, Items: event.Items{{SKU: "A\ufffd", Qty: 1}}},
		"a long sku":                   {OrderID: 1, Items: event.Items{{SKU: strings.Repeat("ä", inventory.MaxSKULength+1), Qty: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := inventory.NewOrder(e); !errors.Is(err, inventory.ErrInvalid) {
				t.Errorf("got %v, want ErrInvalid", err)
			}
		})
	}
}

func TestAnOrderTakesAnyPrintableSKU(t *testing.T) {
	t.Parallel()
	for _, sku := range []string{"ABC-001", "a b/c?%20", `"\`, "日本-①", strings.Repeat("ä", inventory.MaxSKULength)} {
		if err := inventory.CheckSKU(sku); err != nil {
			t.Errorf("%q: %v", sku, err)
		}
	}
}

func TestAFingerprintIsOfTheContentNotOfHowItIsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) event.Item {
			return event.Item{SKU: rapid.StringMatching(`[A-C]{1,2}`).Draw(t, "sku"), Qty: rapid.Int64Range(1, 5).Draw(t, "qty")}
		}), 1, 6).Draw(t, "items")
		fingerprint := func(user int64, items []event.Item) inventory.Fingerprint {
			o, err := inventory.NewOrder(event.OrderCreated{OrderID: 1, UserID: user, Items: items})
			if err != nil {
				t.Fatal(err)
			}
			return o.Fingerprint
		}
		var ones []event.Item // the same, each piece on a line of its own
		for _, item := range rapid.Permutation(items).Draw(t, "shuffled") {
			for range item.Qty {
				ones = append(ones, event.Item{SKU: item.SKU, Qty: 1})
			}
		}
		more := append(append([]event.Item{}, items...), event.Item{SKU: "A", Qty: 1})
		original := fingerprint(7, append([]event.Item{}, items...))
		if fingerprint(7, ones) != original {
			t.Error("the same items, split and shuffled, have another fingerprint")
		}
		if fingerprint(8, append([]event.Item{}, items...)) == original || fingerprint(7, more) == original {
			t.Error("another user, or one item more, has the same fingerprint")
		}
	})
}

func TestStockIsChangedOnlyWithinReason(t *testing.T) {
	t.Parallel()
	stock := inventory.Stock{SKU: "A", OnHand: 10, Reserved: 4, Version: 7}
	for name, test := range map[string]struct {
		change func() (inventory.Stock, error)
		onHand int64
		err    error
	}{
		"set":                 {func() (inventory.Stock, error) { return stock.Set(4) }, 4, nil},
		"set below reserved":  {func() (inventory.Stock, error) { return stock.Set(3) }, 10, inventory.ErrBelowReserved},
		"set negative":        {func() (inventory.Stock, error) { return stock.Set(-1) }, 10, inventory.ErrInvalid},
		"set absurd":          {func() (inventory.Stock, error) { return stock.Set(inventory.MaxOnHand + 1) }, 10, inventory.ErrInvalid},
		"put in":              {func() (inventory.Stock, error) { return stock.Adjust(5) }, 15, nil},
		"take out":            {func() (inventory.Stock, error) { return stock.Adjust(-6) }, 4, nil},
		"take out reserved":   {func() (inventory.Stock, error) { return stock.Adjust(-7) }, 10, inventory.ErrBelowReserved},
		"take out what isn't": {func() (inventory.Stock, error) { return stock.Adjust(-11) }, 10, inventory.ErrBelowReserved},
		"adjust by nothing":   {func() (inventory.Stock, error) { return stock.Adjust(0) }, 10, inventory.ErrInvalid},
		"adjust absurdly":     {func() (inventory.Stock, error) { return stock.Adjust(-1 << 63) }, 10, inventory.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.change()
			if !errors.Is(err, test.err) {
				t.Errorf("got error %v, want %v", err, test.err)
			}
			want := stock
			if want.OnHand = test.onHand; err == nil {
				want.Version++
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPreconditionHoldsFor(t *testing.T) {
	t.Parallel()
	version3 := &inventory.Stock{SKU: "A", Version: 3}
	for name, test := range map[string]struct {
		only    inventory.Precondition
		current *inventory.Stock
		holds   bool
	}{
		"nothing asked, none there":       {inventory.Precondition{}, nil, true},
		"nothing asked, some there":       {inventory.Precondition{}, version3, true},
		"to exist, none there":            {inventory.Precondition{Exists: true}, nil, false},
		"to exist, some there":            {inventory.Precondition{Exists: true}, version3, true},
		"to be absent, none there":        {inventory.Precondition{Absent: true}, nil, true},
		"to be absent, some there":        {inventory.Precondition{Absent: true}, version3, false},
		"one of its versions":             {inventory.Precondition{Versions: []int64{1, 3}}, version3, true},
		"another version":                 {inventory.Precondition{Versions: []int64{2}}, version3, false},
		"a version, none there":           {inventory.Precondition{Versions: []int64{2}}, nil, false},
		"no version that anything can be": {inventory.Precondition{Versions: []int64{}}, version3, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := test.only.Check(test.current)
			if (err == nil) != test.holds || (err != nil && !errors.Is(err, inventory.ErrPrecondition)) {
				t.Errorf("got %v, want it to hold: %v", err, test.holds)
			}
		})
	}
}
