package consume_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/inventory"
	"github.com/openorder/openorder/services/inventory/consume"
)

// shelves decide without keeping anything.
type shelves map[string]inventory.Stock

func (s shelves) Reserve(_ context.Context, orders []inventory.Order, rules inventory.Rules) ([]inventory.Result, error) {
	return inventory.Decide(orders, s, nil, rules).Results, nil
}
func (s shelves) Probe(context.Context) error { return nil }

// BenchmarkHandle is the adapter without database and broker: decode, decide, encode.
func BenchmarkHandle(b *testing.B) {
	const size, skus = 1000, 1000
	stock := shelves{}
	for n := range skus {
		sku := fmt.Sprintf("SKU-%04d", n)
		stock[sku] = inventory.Stock{SKU: sku, OnHand: 1 << 40}
	}
	batch := make([]*kafka.Record, size)
	for i := range batch {
		id := 7_000_000_000_000 + int64(i)
		batch[i] = &kafka.Record{Topic: event.TopicOrderCreated, Key: event.Key(id), Value: fmt.Appendf(nil,
			`{"eventId":"0198c5a7-8f5e-7cc3-98c4-dc0c0c07398f","orderId":%d,"userId":42,"items":[{"sku":"SKU-%04d","qty":2}],"createdAt":"2026-05-01T12:00:00.123456Z"}`, id, i%skus)}
	}
	handler := consume.NewHandler(stock, &inventory.FailSKU{}, prometheus.NewRegistry())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := handler.Handle(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "records/s")
}
