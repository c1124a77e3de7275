// Package publish turns orders into records of order.created.
package publish

import (
	"context"
	"encoding/json"

	"go.opentelemetry.io/otel/propagation"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/order"
)

// Source is what the records name as theirs.
const Source = "/openorder/order-service"

// New returns what publishes orders by a producer.
func New(produce kafka.ProduceFunc) order.PublishFunc {
	return func(ctx context.Context, orders []order.Order) []error {
		records := make([]*kafka.Record, len(orders))
		for i := range orders {
			records[i] = Record(ctx, &orders[i])
		}
		return produce(ctx, records)
	}
}

// Record is the record of an order, the same each time it is published.
func Record(ctx context.Context, o *order.Order) *kafka.Record {
	id := o.EventID.String()
	// Encoding plain fields cannot fail, and the year of a created order is one that JSON's times can hold.
	value, _ := json.Marshal(event.OrderCreated{
		EventID: id, OrderID: o.ID, UserID: o.UserID, Items: o.Items, CreatedAt: event.At(o.CreatedAt),
	})
	key := event.Key(o.ID)
	return &kafka.Record{
		Topic: event.TopicOrderCreated, Key: key, Value: value,
		Context: withTrace(ctx, o.TraceParent),
		Headers: kafka.Headers(event.CloudEvent{
			ID: id, Source: Source, Type: event.TopicOrderCreated, Time: o.CreatedAt, Subject: string(key), TraceParent: o.TraceParent,
		}),
	}
}

// withTrace makes a tracing producer's span a child of the request's that placed the order.
func withTrace(ctx context.Context, parent string) context.Context {
	if parent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
}
