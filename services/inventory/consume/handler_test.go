package consume_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/inventory"
	"github.com/openorder/openorder/services/inventory/consume"
	"github.com/openorder/openorder/services/inventory/storetest"
)

// desk is a handler over a store with 10 of A, 0 of B and 10 of FAIL.
type desk struct {
	inventory.Store
	*consume.Handler
	failSKU inventory.FailSKU
	metrics *prometheus.Registry
}

func setup(t testing.TB) *desk {
	t.Helper()
	d := &desk{Store: storetest.SQLite(t)(), metrics: prometheus.NewRegistry()}
	for sku, onHand := range map[string]int64{"A": 10, "B": 0, "FAIL": 10} {
		if _, _, err := d.SetStock(t.Context(), sku, onHand, inventory.Precondition{}); err != nil {
			t.Fatal(err)
		}
	}
	d.failSKU.Set("FAIL")
	d.Handler = consume.NewHandler(d.Store, &d.failSKU, d.metrics)
	return d
}

func (d *desk) handle(t testing.TB, values ...string) []kafka.Result {
	t.Helper()
	batch := make([]*kafka.Record, len(values))
	for i, value := range values {
		batch[i] = &kafka.Record{Topic: event.TopicOrderCreated, Value: []byte(value)}
	}
	results, err := d.Handle(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func order(id int, items string) string {
	return fmt.Sprintf(`{"eventId":"cause-%d","orderId":%d,"userId":42,"items":%s,"createdAt":"2026-05-01T12:00:00Z"}`, id, id, items)
}

func headers(r *kafka.Record) map[string]string {
	m := map[string]string{}
	for _, h := range r.Headers {
		m[h.Key] = string(h.Value)
	}
	return m
}

func TestAnOutcomeIsToldOnTheTopicOfItsKind(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ items, topic, status, reason string }{
		"reserved":     {`[{"sku":"A","qty":2}]`, "inventory.reserved", "RESERVED", ""},
		"out of stock": {`[{"sku":"B","qty":1}]`, "inventory.rejected", "REJECTED", "OUT_OF_STOCK"},
		"unknown sku":  {`[{"sku":"C","qty":1}]`, "inventory.rejected", "REJECTED", "UNKNOWN_SKU"},
		"one object in place of a list, as the original's code wanted": {`{"sku":"A","qty":2}`, "inventory.reserved", "RESERVED", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := setup(t).handle(t, order(7, test.items))[0]
			if result.Err != nil || len(result.Emit) != 1 {
				t.Fatalf("got %+v", result)
			}
			told := result.Emit[0]
			outcome, err := event.DecodeOutcome(told.Value)
			if err != nil {
				t.Fatal(err)
			}
			want := event.Outcome{EventID: event.OutcomeEventID(7).String(), OrderID: 7, Timestamp: outcome.Timestamp, Status: test.status, Reason: test.reason}
			if diff := cmp.Diff(want, outcome); diff != "" || time.Since(outcome.Timestamp.Time) > time.Minute {
				t.Errorf("at %s (-want +got):\n%s", outcome.Timestamp, diff)
			}
			if plain, _ := json.Marshal(outcome); string(plain) != string(told.Value) {
				t.Errorf("written as %s, encoding/json writes %s", told.Value, plain)
			}
			if told.Topic != test.topic || string(told.Key) != "7" {
				t.Errorf("to %s under key %s", told.Topic, told.Key)
			}
			wantHeaders := kafka.Headers(event.CloudEvent{
				ID: want.EventID, Source: "/openorder/inventory-service", Type: test.topic, Time: outcome.Timestamp.Time, Subject: "7", Causation: "cause-7",
			})
			if diff := cmp.Diff(wantHeaders, told.Headers); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARepeatIsTheSameEventForItsOwnCause(t *testing.T) {
	t.Parallel()
	d := setup(t)
	first := d.handle(t, order(1, `[{"sku":"A","qty":2}]`))[0].Emit[0]
	republished := strings.Replace(order(1, `[{"sku":"A","qty":1},{"sku":"A","qty":1}]`), "cause-1", "other", 1)
	again := d.handle(t, republished)[0].Emit[0]
	if string(again.Value) != string(first.Value) {
		t.Errorf("first %s, then %s", first.Value, again.Value)
	}
	if got := headers(again)[event.HeaderCausation]; got != "other" {
		t.Errorf("caused by %q", got)
	}
}

func TestWhatCausedARecordIsReadWhereItStands(t *testing.T) {
	t.Parallel()
	d := setup(t)
	const nameless = `{"orderId":1,"userId":42,"items":[{"sku":"A","qty":1}]}`
	cause := func(r *kafka.Record) string {
		results, err := d.Handle(t.Context(), []*kafka.Record{r})
		if err != nil || results[0].Err != nil {
			t.Fatal(err, results)
		}
		return headers(results[0].Emit[0])[event.HeaderCausation]
	}
	header := []kafka.Header{{Key: event.HeaderID, Value: []byte("from-header")}}
	if got := cause(&kafka.Record{Value: []byte(nameless), Headers: header}); got != "from-header" {
		t.Errorf("of the header: %q", got)
	}
	if got := cause(&kafka.Record{Value: []byte(nameless)}); got != "" {
		t.Errorf("of nothing: %q", got)
	}
	long := strings.Replace(nameless, "{", `{"eventId":"`+strings.Repeat("x", 1000)+`",`, 1)
	if got := cause(&kafka.Record{Value: []byte(long)}); got != "" {
		t.Errorf("of what is nobody's id: %d bytes", len(got))
	}
}

func TestARecordsTraceGoesOn(t *testing.T) {
	t.Parallel()
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	record := &kafka.Record{Value: []byte(order(1, `[{"sku":"A","qty":1}]`)), Headers: []kafka.Header{
		{Key: event.HeaderTraceParent, Value: []byte(parent)}, {Key: event.HeaderTraceState, Value: []byte(strings.Repeat("x", 513))},
	}}
	results, err := setup(t).Handle(t.Context(), []*kafka.Record{record})
	if err != nil {
		t.Fatal(err)
	}
	got := headers(results[0].Emit[0])
	if _, kept := got[event.HeaderTraceState]; got[event.HeaderTraceParent] != parent || kept {
		t.Errorf("got %v", got)
	}
}

func TestABadRecordFailsAlone(t *testing.T) {
	t.Parallel()
	bad := map[string]string{
		"undecodable": `{"orderId":`,
		"no order id": `{}`,
		"no items":    order(1, `[]`),
		"qty 0":       order(1, `[{"sku":"A","qty":0}]`),
		"a NUL":       order(1, `[{"sku":"A\u0000","qty":1}]`),
		"conflict":    order(9, `[{"sku":"A","qty":2}]`),
		"fail sku":    order(1, `[{"sku":"FAIL","qty":1}]`),
	}
	for name, value := range bad {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := setup(t)
			results := d.handle(t, order(9, `[{"sku":"A","qty":1}]`), value, order(10, `[{"sku":"A","qty":1}]`))
			if results[1].Err == nil || len(results[1].Emit) != 0 {
				t.Errorf("got %+v", results[1])
			}
			for _, i := range []int{0, 2} {
				if results[i].Err != nil || len(results[i].Emit) != 1 {
					t.Errorf("beside it, record %d: %+v", i, results[i])
				}
			}
		})
	}
}

func TestTheFailSKUCanBeSwitched(t *testing.T) {
	t.Parallel()
	d := setup(t)
	value := order(1, `[{"sku":"FAIL","qty":1}]`)
	if result := d.handle(t, value)[0]; !errors.Is(result.Err, inventory.ErrFailSKU) {
		t.Errorf("on: %+v", result)
	}
	d.failSKU.Set("")
	if result := d.handle(t, value)[0]; result.Err != nil {
		t.Errorf("off: %v", result.Err)
	}
	d.failSKU.Set("FAIL")
	if result := d.handle(t, value)[0]; result.Err != nil {
		t.Errorf("on again, but decided: %v", result.Err)
	}
}

func TestRecordsAreCountedByOutcome(t *testing.T) {
	t.Parallel()
	d := setup(t)
	reserved := order(1, `[{"sku":"A","qty":1}]`)
	d.handle(t, reserved, reserved, order(1, `[{"sku":"A","qty":2}]`), order(2, `[{"sku":"B","qty":1}]`),
		order(3, `[{"sku":"C","qty":1}]`), order(4, `[{"sku":"FAIL","qty":1}]`), `{`)
	want := `
# HELP openorder_inventory_orders_total Order records by what became of them: decided now (reserved, out_of_stock, unknown_sku), decided before and told again (repeated), or failed (conflict, fail_sku, unreadable; each attempt counts).
# TYPE openorder_inventory_orders_total counter
`
	for _, outcome := range []string{"conflict", "fail_sku", "out_of_stock", "repeated", "reserved", "unknown_sku", "unreadable"} {
		want += fmt.Sprintf("openorder_inventory_orders_total{outcome=%q} 1\n", outcome)
	}
	if err := testutil.GatherAndCompare(d.metrics, strings.NewReader(want), "openorder_inventory_orders_total"); err != nil {
		t.Error(err)
	}
}

// broken is a reserver that always fails the same way.
type broken struct{ err error }

func (b broken) Reserve(context.Context, []inventory.Order, inventory.Rules) ([]inventory.Result, error) {
	return nil, b.err
}
func (b broken) Probe(context.Context) error { return b.err }

func TestADatabasesRefusalIsTheRecordsFaultAndNothingElse(t *testing.T) {
	t.Parallel()
	batch := []*kafka.Record{{Value: []byte(order(1, `[{"sku":"A","qty":1}]`))}}
	for name, test := range map[string]struct {
		err    error
		faulty bool
	}{
		"data":        {&pgconn.PgError{Code: "22021"}, true},
		"integrity":   {&pgconn.PgError{Code: "23514"}, true},
		"disk full":   {&pgconn.PgError{Code: "53100"}, false},
		"lost answer": {errors.New("unexpected EOF"), false},
	} {
		_, err := consume.NewHandler(broken{test.err}, &inventory.FailSKU{}, prometheus.NewRegistry()).Handle(t.Context(), batch)
		// An outage is passed on as it is; a refusal comes marked.
		if !errors.Is(err, test.err) || (err != test.err) != test.faulty {
			t.Errorf("%s: got %#v", name, err)
		}
	}
}
