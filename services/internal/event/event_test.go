package event_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/internal/event"
)

func TestOurRecordsHaveTheOriginalsFieldsAndNoOthers(t *testing.T) {
	t.Parallel()
	at := event.At(time.Date(2026, 1, 2, 3, 4, 5, 678_901_999, time.FixedZone("", 3600)))
	values := map[string]any{
		`{"eventId":"e","orderId":7,"userId":42,"items":[{"sku":"A","qty":2}],"createdAt":"2026-01-02T02:04:05.678901Z"}`: event.OrderCreated{
			EventID: "e", OrderID: 7, UserID: 42, Items: event.Items{{SKU: "A", Qty: 2}}, CreatedAt: at},
		`{"eventId":"e","orderId":7,"timestamp":"2026-01-02T02:04:05.678901Z","status":"RESERVED"}`: event.Outcome{
			EventID: "e", OrderID: 7, Timestamp: at, Status: event.StatusReserved},
		`{"eventId":"e","orderId":7,"timestamp":"2026-01-02T02:04:05.678901Z","status":"REJECTED","reason":"OUT_OF_STOCK"}`: event.Outcome{
			EventID: "e", OrderID: 7, Timestamp: at, Status: event.StatusRejected, Reason: "OUT_OF_STOCK"},
	}
	for want, value := range values {
		got, err := json.Marshal(value)
		if err != nil || string(got) != want {
			t.Errorf("%s, %v\nwant %s", got, err, want)
		}
	}
}

func TestTheOriginalsRecordsAreRead(t *testing.T) {
	t.Parallel()
	want := event.OrderCreated{
		EventID: "e", OrderID: 12345, UserID: 42, Items: event.Items{{SKU: "ABC-001", Qty: 2}},
		CreatedAt: event.Time{Time: time.Date(2025, 6, 1, 12, 0, 0, 250_000_000, time.UTC)},
	}
	values := map[string]string{
		"items as a list":            `{"eventId":"e","orderId":12345,"userId":42,"items":[{"sku":"ABC-001","qty":2}],"createdAt":"2025-06-01T12:00:00.25Z"}`,
		"items as the single object": `{"eventId":"e","orderId":12345,"userId":42,"items":{"sku":"ABC-001","qty":2},"createdAt":"2025-06-01T12:00:00.25Z"}`,
		"dates as Jackson's numbers": `{"eventId":"e","orderId":12345,"userId":42,"items":[{"sku":"ABC-001","qty":2}],"createdAt":1748779200.250000000}`,
		"a field that is not known":  `{"eventId":"e","orderId":12345,"userId":42,"items":[{"sku":"ABC-001","qty":2}],"createdAt":"2025-06-01T12:00:00.25Z","x":1}`,
	}
	for name, value := range values {
		got, err := event.DecodeOrderCreated([]byte(value))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestWhatIsNoEventIsRefused(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "{", "null", "[]", `"x"`, `{"orderId":0}`, `{"orderId":-1}`, `{"orderId":1.5}`, `{"orderId":1,"items":7}`, `{"orderId":1,"createdAt":"yesterday"}`, `{"orderId":1,"createdAt":1e300}`} {
		if got, err := event.DecodeOrderCreated([]byte(value)); err == nil {
			t.Errorf("%s was read as %+v", value, got)
		}
	}
	for _, value := range []string{"", "null", `{"orderId":1}`, `{"orderId":1,"status":"PENDING"}`, `{"status":"RESERVED"}`} {
		if got, err := event.DecodeOutcome([]byte(value)); err == nil {
			t.Errorf("%s was read as %+v", value, got)
		}
	}
}

func TestTheEventIDOfAnOutcomeIsAFunctionOfTheOrder(t *testing.T) {
	t.Parallel()
	// A value written down: ids must stay the same over releases, too.
	if got, want := event.OutcomeEventID(7).String(), "9e2cc7c2-7683-5f4c-9386-72296f616d3f"; got != want {
		t.Errorf("order 7: %s, want %s", got, want)
	}
	if event.OutcomeEventID(7) == event.OutcomeEventID(8) {
		t.Error("the same for two orders")
	}
}

func FuzzDecodeOrderCreated(f *testing.F) {
	f.Add([]byte(`{"eventId":"e","orderId":7,"userId":42,"items":[{"sku":"A","qty":2}],"createdAt":"2026-01-02T02:04:05Z"}`))
	f.Add([]byte(`{"orderId":7,"items":{"sku":"A\u0000","qty":2},"createdAt":-1e10}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		e, err := event.DecodeOrderCreated(value)
		if err != nil {
			return
		}
		again, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("%+v was read and cannot be written: %v", e, err)
		}
		if _, err := event.DecodeOrderCreated(again); err != nil {
			t.Fatalf("%s was written and cannot be read: %v", again, err)
		}
	})
}

func FuzzDecodeOutcome(f *testing.F) {
	f.Add([]byte(`{"eventId":"e","orderId":7,"timestamp":"2026-01-02T02:04:05Z","status":"REJECTED","reason":"OUT_OF_STOCK"}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		if e, err := event.DecodeOutcome(value); err == nil && e.Topic() == "" {
			t.Fatalf("%+v has no topic", e)
		}
	})
}
