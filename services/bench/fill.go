package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
)

// Orders that the bench makes itself have ids that the order service, whose ids carry time, never hands out.
const firstOrderID = 1_000_000_000

// sku is the n-th of the bench's.
func sku(n int) string { return fmt.Sprintf("SKU-%04d", n) }

// failSKU is the one that inventory fails on purpose.
const failSKU = "FAIL"

// spread puts orders on so many skus in turn.
func spread(skus int) func(int) string {
	names := make([]string, skus)
	for i := range names {
		names[i] = sku(i)
	}
	return func(n int) string { return names[n%skus] }
}

// failing makes every hundredth order one that fails.
func failing(clean func(int) string) func(int) string {
	return func(n int) string {
		if n%100 == 99 {
			return failSKU
		}
		return clean(n)
	}
}

// fill writes orders to order.created, with the headers that the order service writes.
func (k *cluster) fill(ctx context.Context, orders int, sku func(int) string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var pending sync.WaitGroup
	for n := 0; n < orders && ctx.Err() == nil; n++ {
		record, err := orderRecord(firstOrderID+int64(n), sku(n))
		if err != nil {
			return err
		}
		pending.Add(1)
		k.client.Produce(ctx, record, func(_ *kgo.Record, err error) {
			if err != nil {
				cancel(fmt.Errorf("fill %s: %w", event.TopicOrderCreated, err))
			}
			pending.Done()
		})
	}
	pending.Wait()
	return context.Cause(ctx)
}

func orderRecord(id int64, sku string) (*kgo.Record, error) {
	now := event.At(time.Now())
	e := event.OrderCreated{
		EventID: uuid.NewString(), OrderID: id, UserID: 1 + id%1000, Items: event.Items{{SKU: sku, Qty: 1}}, CreatedAt: now,
	}
	value, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode an order: %w", err)
	}
	key := event.Key(id)
	return &kgo.Record{
		Topic: event.TopicOrderCreated, Key: key, Value: value,
		Headers: kafka.Headers(event.CloudEvent{
			ID: e.EventID, Source: "/openorder/order-service", Type: event.TopicOrderCreated, Time: now.Time, Subject: string(key),
		}),
	}, nil
}
