package http_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/order"
)

func TestAnOrderIsShownWithItsHistory(t *testing.T) {
	t.Parallel()
	r := setup(t)
	id := r.place(t)
	r.report(t, id, order.DeadLettered, event.GroupInventory)
	r.report(t, id, order.WasRejected, "")
	var got map[string]any
	r.call(t, "GET", fmt.Sprint("/api/orders/", id), "").decode(t, &got)
	created := got["createdAt"]
	want := map[string]any{
		"orderId": float64(id), "userId": 42., "status": "REJECTED", "reason": "a reason", "createdAt": created,
		"items": []any{map[string]any{"sku": "ABC-001", "qty": 2.}},
		"history": []any{
			map[string]any{"seq": 1., "event": "PLACED", "status": "PENDING", "at": created},
			map[string]any{"seq": 2., "event": "DEAD_LETTERED", "status": "FAILED", "reason": "a reason", "at": "2027-01-15T08:00:00Z"},
			map[string]any{"seq": 3., "event": "REJECTED", "status": "REJECTED", "reason": "a reason", "at": "2027-01-15T08:00:00Z"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

type page struct {
	Orders     []struct{ OrderID int64 }
	NextCursor string
}

func TestPagesHoldEachOrderOnceNewestFirst(t *testing.T) {
	t.Parallel()
	r := setup(t)
	var want []int64
	for range 7 {
		want = append([]int64{r.place(t)}, want...)
	}
	var got []int64
	for cursor := ""; ; {
		var p page
		r.call(t, "GET", "/api/orders?userId=42&status=PENDING&limit=3&cursor="+cursor, "").decode(t, &p)
		for _, o := range p.Orders {
			got = append(got, o.OrderID)
		}
		r.place(t) // what is placed meanwhile does not shift the pages
		if cursor = p.NextCursor; cursor == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestListsOfNothingAndQuestionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	r := setup(t)
	if a := r.call(t, "GET", "/api/orders", ""); string(a.body) != "{\"orders\":[]}\n" {
		t.Fatalf("%s", a.body)
	}
	for query, place := range map[string]string{
		"userId=x": "query.userId", "userId=0": "query.userId", "status=DONE": "query.status", "limit=0": "query.limit", "limit=201": "query.limit",
		"cursor=x": "query.cursor", "cursor=-1": "query.cursor", "user=1": "query.user",
		"userId=%zz": "query", "userId=42;limit=1": "query", "userId=42&userId=43": "query.userId",
	} {
		if diff := cmp.Diff([]string{place}, r.call(t, "GET", "/api/orders?"+query, "").problem(t, 422), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
}
