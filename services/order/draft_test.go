package order_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/order"
)

func TestDraftIsRefusedAtTheExactPlace(t *testing.T) {
	one := event.Item{SKU: "A", Qty: 1}
	many := make(event.Items, order.MaxItems+1)
	for i := range many {
		many[i] = one
	}
	for name, test := range map[string]struct {
		draft order.Draft
		want  []string
	}{
		"no user":                    {order.Draft{Items: event.Items{one}}, []string{"body.userId"}},
		"a user beyond JavaScript":   {order.Draft{UserID: 1 << 53, Items: event.Items{one}}, []string{"body.userId"}},
		"no items":                   {order.Draft{UserID: 1}, []string{"body.items"}},
		"too many items":             {order.Draft{UserID: 1, Items: many}, []string{"body.items"}},
		"qty 0":                      {items(one, event.Item{SKU: "B"}), []string{"body.items[1].qty"}},
		"qty below 0":                {items(event.Item{SKU: "B", Qty: -1}), []string{"body.items[0].qty"}},
		"qty too large":              {items(event.Item{SKU: "B", Qty: order.MaxQty + 1}), []string{"body.items[0].qty"}},
		"an enormous qty":            {items(one, event.Item{SKU: "A", Qty: 1<<63 - 1}), []string{"body.items[1].qty"}},
		"too large once merged":      {items(one, event.Item{SKU: "A", Qty: order.MaxQty}), []string{"body.items[1].qty"}},
		"no sku":                     {items(event.Item{Qty: 1}), []string{"body.items[0].sku"}},
		"a sku too long":             {items(event.Item{SKU: strings.Repeat("ü", order.MaxSKU+1), Qty: 1}), []string{"body.items[0].sku"}},
		"NUL":                        {items(event.Item{SKU: "A\x00", Qty: 1}), []string{"body.items[0].sku"}},
		"a line break":               {items(event.Item{SKU: "A\nB", Qty: 1}), []string{"body.items[0].sku"}},
		"a zero-width space":         {items(event.Item{SKU: "A\u200bB", Qty: 1}), []string{"body.items[0].sku"}},
		"a right-to-left override":   {items(event.Item{SKU: "A\u202eB", Qty: 1}), []string{"body.items[0].sku"}},
		"no UTF-8":                   {items(event.Item{SKU: "A\xff", Qty: 1}), []string{"body.items[0].sku"}},
		"half a surrogate pair":      {items(event.Item{SKU: "A\ufffd", Qty: 1}), []string{"body.items[0].sku"}},
		"a space at the end":         {items(event.Item{SKU: "A ", Qty: 1}), []string{"body.items[0].sku"}},
		"everything, all told apart": {order.Draft{Items: event.Items{{}, one, {SKU: " ", Qty: -1}}}, []string{"body.userId", "body.items[0].sku", "body.items[0].qty", "body.items[2].sku", "body.items[2].qty"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := test.draft.Check()
			var invalid order.Invalid
			if !errors.As(err, &invalid) {
				t.Fatalf("not refused: %v", err)
			}
			var got []string
			for _, p := range invalid {
				got = append(got, p.Location)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func items(items ...event.Item) order.Draft { return order.Draft{UserID: 1, Items: items} }

func TestDuplicateSKUsAreMergedWhereTheFirstStands(t *testing.T) {
	draft, err := items(event.Item{SKU: "B", Qty: 999_998}, event.Item{SKU: "A", Qty: 1}, event.Item{SKU: "B", Qty: 2}).Check()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(items(event.Item{SKU: "B", Qty: 1_000_000}, event.Item{SKU: "A", Qty: 1}), draft); diff != "" {
		t.Fatal(diff)
	}
}

func TestMergingKeepsEverySum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		item := rapid.Custom(func(t *rapid.T) event.Item {
			return event.Item{SKU: rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "sku"), Qty: rapid.Int64Range(-2, order.MaxQty+2).Draw(t, "qty")}
		})
		draft := order.Draft{UserID: 1, Items: rapid.SliceOfN(item, 1, 6).Draw(t, "items")}
		want := map[string]int64{}
		valid := true
		for _, item := range draft.Items {
			want[item.SKU] += item.Qty
			valid = valid && item.Qty >= 1 && want[item.SKU] <= order.MaxQty
		}
		merged, err := draft.Check()
		if valid != (err == nil) {
			t.Fatalf("valid %v, but: %v", valid, err)
		}
		if !valid {
			return
		}
		got := map[string]int64{}
		for _, item := range merged.Items {
			if got[item.SKU] != 0 {
				t.Fatalf("%s is there twice", item.SKU)
			}
			got[item.SKU] = item.Qty
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}
