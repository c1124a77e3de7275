package consume_test

import (
	"testing"

	"go.opentelemetry.io/otel"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
)

// Not parallel: the tracer provider is the process's.
func TestWithTracingOnEachOrderHasASpanInItsOwnTrace(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	otel.SetTracerProvider(sdk.NewTracerProvider(sdk.WithSpanProcessor(spans)))
	t.Cleanup(func() { otel.SetTracerProvider(noop.NewTracerProvider()) })

	const traceID, parentID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	record := &kafka.Record{Topic: event.TopicOrderCreated, Value: []byte(order(1, `[{"sku":"A","qty":1}]`)), Headers: []kafka.Header{
		{Key: event.HeaderTraceParent, Value: []byte("00-" + traceID + "-" + parentID + "-01")},
	}}
	results, err := setup(t).Handle(t.Context(), []*kafka.Record{record})
	if err != nil {
		t.Fatal(err)
	}
	var batch, own sdk.ReadOnlySpan
	for _, span := range spans.Ended() {
		switch span.Name() {
		case "reserve batch":
			batch = span
		case "reserve order":
			own = span
		}
	}
	if batch == nil || own == nil {
		t.Fatalf("%d spans", len(spans.Ended()))
	}
	if own.Parent().TraceID().String() != traceID || own.Parent().SpanID().String() != parentID || own.SpanKind() != trace.SpanKindConsumer {
		t.Errorf("the order's span hangs on %v", own.Parent())
	}
	if links := own.Links(); len(links) != 1 || links[0].SpanContext.SpanID() != batch.SpanContext().SpanID() {
		t.Errorf("it is linked to %v", links)
	}
	want := "00-" + traceID + "-" + own.SpanContext().SpanID().String() + "-01"
	if got := headers(results[0].Emit[0])[event.HeaderTraceParent]; got != want {
		t.Errorf("told under %s, want %s", got, want)
	}
}
