package rows_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/inventory"
	"github.com/openorder/openorder/services/inventory/internal/rows"
)

var sku = rapid.String().Filter(func(s string) bool { return inventory.CheckSKU(s) == nil })

func TestItemsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		order, err := inventory.NewOrder(event.OrderCreated{OrderID: 1, Items: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) event.Item {
			return event.Item{SKU: sku.Draw(t, "sku"), Qty: rapid.Int64Range(1, 1000).Draw(t, "qty")}
		}), 1, 8).Draw(t, "items")})
		if err != nil {
			t.Fatal(err)
		}
		got, err := rows.DecodeItems(rows.Items(order.Items))
		if diff := cmp.Diff(order.Items, got); diff != "" || err != nil {
			t.Errorf("%v, (-want +got):\n%s", err, diff)
		}
	})
}

func TestShortagesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	want := []inventory.Shortage{{SKU: "A"}, {SKU: `B"\`, Available: 3}, {SKU: "日", Unknown: true}}
	text := rows.Lacking(want)
	if !json.Valid([]byte(text)) {
		t.Errorf("not JSON: %s", text)
	}
	got, err := rows.DecodeLacking(text)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
}
