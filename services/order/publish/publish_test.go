package publish_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/order"
	"github.com/openorder/openorder/services/order/publish"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func placed() order.Order {
	return order.Order{
		ID: 374008220729344, EventID: uuid.MustParse("0191d2c4-1b2a-4c3d-8e4f-5a6b7c8d9e0f"), UserID: 42, Status: order.Pending,
		Items: event.Items{{SKU: "ABC-001", Qty: 2}}, CreatedAt: time.Date(2026, 3, 1, 12, 0, 0, 123_000, time.UTC), TraceParent: parent,
	}
}

func TestRecordIsTheOriginalsWithHeadersAdded(t *testing.T) {
	o := placed()
	record := publish.Record(t.Context(), &o)
	var value map[string]any
	if err := json.Unmarshal(record.Value, &value); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{
		"eventId": "0191d2c4-1b2a-4c3d-8e4f-5a6b7c8d9e0f", "orderId": 374008220729344., "userId": 42.,
		"items": []any{map[string]any{"sku": "ABC-001", "qty": 2.}}, "createdAt": "2026-03-01T12:00:00.000123Z",
	}, value); diff != "" {
		t.Fatal(diff)
	}
	headers := map[string]string{}
	for _, h := range record.Headers {
		headers[h.Key] = string(h.Value)
	}
	if diff := cmp.Diff(map[string]string{
		"ce_specversion": "1.0", "ce_id": "0191d2c4-1b2a-4c3d-8e4f-5a6b7c8d9e0f", "ce_source": "/openorder/order-service",
		"ce_type": "order.created", "ce_time": "2026-03-01T12:00:00.000123Z", "ce_subject": "374008220729344",
		"content-type": "application/json", "traceparent": parent,
	}, headers); diff != "" {
		t.Fatal(diff)
	}
	if record.Topic != "order.created" || string(record.Key) != "374008220729344" {
		t.Fatalf("topic %s, key %s", record.Topic, record.Key)
	}
	if got := trace.SpanContextFromContext(record.Context).TraceID().String(); got != "0af7651916cd43dd8448eb211c80319c" {
		t.Fatalf("the producer's span is of trace %s", got)
	}
}

func TestARepeatIsTheSameRecord(t *testing.T) {
	o := placed()
	first, again := publish.Record(t.Context(), &o), publish.Record(t.Context(), &o)
	if string(first.Value) != string(again.Value) || !cmp.Equal(first.Headers, again.Headers) {
		t.Fatal("a repeat differs")
	}
}

func TestErrorsAreTheProducersOwnAndInOrder(t *testing.T) {
	boom := errors.New("boom")
	produced := publish.New(func(_ context.Context, records []*kafka.Record) []error {
		errs := make([]error, len(records))
		errs[1] = boom
		return errs
	})(t.Context(), []order.Order{placed(), placed(), placed()})
	if produced[0] != nil || !errors.Is(produced[1], boom) || produced[2] != nil {
		t.Fatal(produced)
	}
}
