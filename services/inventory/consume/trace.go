package consume

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/inventory"
)

// batchTrace is the span of a batch, and what its records' spans have in common. Where tracing is off, records' traces
// are passed on as they came, and nothing is made for any of them.
type batchTrace struct {
	on     bool
	tracer trace.Tracer
	span   trace.Span
	began  time.Time
}

func startTrace(ctx context.Context, records int) (context.Context, *batchTrace) {
	tracer := otel.Tracer("github.com/openorder/openorder/services/inventory/consume")
	ctx, span := tracer.Start(ctx, "reserve batch", trace.WithAttributes(attribute.Int("messaging.batch.message_count", records)))
	return ctx, &batchTrace{on: span.SpanContext().IsValid(), tracer: tracer, span: span, began: time.Now()}
}

func (t *batchTrace) end() { t.span.End() }

// carryOn is the trace context, traceparent and tracestate, for what a record causes.
func (t *batchTrace) carryOn(record *kafka.Record, orderID int64, outcome inventory.Outcome) (parent, state string) {
	parent, state = header(record, event.HeaderTraceParent), header(record, event.HeaderTraceState)
	if !t.on {
		return parent, state
	}
	headers := propagation.MapCarrier{event.HeaderTraceParent: parent, event.HeaderTraceState: state}
	ctx := propagation.TraceContext{}.Extract(context.Background(), headers)
	ctx, span := t.tracer.Start(ctx, "reserve order", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(t.began),
		trace.WithLinks(trace.Link{SpanContext: t.span.SpanContext()}),
		trace.WithAttributes(
			attribute.String("messaging.system", "kafka"), attribute.String("messaging.destination.name", record.Topic),
			attribute.Int64("messaging.kafka.offset", record.Offset), attribute.Int("messaging.destination.partition.id", int(record.Partition)),
			attribute.Int64("order.id", orderID), attribute.String("order.status", outcome.Status()), attribute.String("order.reason", string(outcome.Reason)),
		))
	defer span.End()
	clear(headers)
	propagation.TraceContext{}.Inject(ctx, headers)
	return headers[event.HeaderTraceParent], headers[event.HeaderTraceState]
}

// maxTraceHeader is the least that W3C asks everybody to pass on; what is longer is nobody's trace.
const maxTraceHeader = 512

func header(record *kafka.Record, key string) string {
	value := kafka.HeaderValue(record, key)
	if len(value) > maxTraceHeader {
		return ""
	}
	return string(value)
}
