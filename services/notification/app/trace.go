package app

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/openorder/openorder/services/notification"
)

// traced ends the trace of an order with the attempts to tell of it.
type traced struct {
	receiver string
	notification.Sender
}

func (t traced) Send(ctx context.Context, batch []notification.Notification) []notification.Result {
	spans := make([]trace.Span, len(batch))
	tracer := otel.Tracer("github.com/openorder/openorder/services/notification")
	for i, n := range batch {
		carrier := propagation.MapCarrier{"traceparent": n.TraceParent}
		_, spans[i] = tracer.Start(propagation.TraceContext{}.Extract(ctx, carrier), "notify "+t.receiver,
			trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
				attribute.Int64("openorder.order_id", n.OrderID), attribute.String("openorder.status", string(n.Status)),
				attribute.Int("openorder.attempt", n.Attempts+1)))
	}
	results := t.Sender.Send(ctx, batch)
	for i, r := range results {
		if r.Err != nil {
			spans[i].SetStatus(codes.Error, r.Err.Error())
		}
		spans[i].End()
	}
	return results
}
