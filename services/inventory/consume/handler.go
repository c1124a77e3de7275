// Package consume takes orders from Kafka to the inventory, and their outcomes back.
package consume

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/inventory"
)

// MaxBatch is the number of orders decided in one transaction, at most. More make it hold stock for longer and gain
// little.
const MaxBatch = 4000

// Handler is a kafka.Handler for order.created. The offset is the outbox: a record is done only when its outcome's event
// is acknowledged, and a record that comes again gets the outcome stored, under the same event id.
type Handler struct {
	reserver inventory.Reserver
	failSKU  *inventory.FailSKU
	metrics  *metrics
}

// NewHandler decides orders with a reserver; those with the fail sku fail, as long as there is one.
func NewHandler(reserver inventory.Reserver, failSKU *inventory.FailSKU, reg prometheus.Registerer) *Handler {
	return &Handler{reserver, failSKU, newMetrics(reg)}
}

// wanted is an order of a batch and the record that it came in.
type wanted struct {
	record int // in the batch
	cause  string
}

// Handle implements kafka.Handler.
func (h *Handler) Handle(ctx context.Context, batch []*kafka.Record) ([]kafka.Result, error) {
	ctx, trace := startTrace(ctx, len(batch))
	defer trace.end()
	results := make([]kafka.Result, len(batch))
	orders := make([]inventory.Order, 0, len(batch))
	sources := make([]wanted, 0, len(batch))
	for i, record := range batch {
		order, cause, err := decode(record)
		if err != nil {
			results[i].Err = err
			continue
		}
		orders, sources = append(orders, order), append(sources, wanted{i, cause})
	}
	decided, err := h.reserve(ctx, orders)
	if err != nil {
		return nil, err
	}
	for i, source := range sources {
		results[source.record] = h.result(batch[source.record], source.cause, orders[i], decided[i], trace)
	}
	h.metrics.count(len(batch), decided)
	return results, nil
}

func (h *Handler) reserve(ctx context.Context, orders []inventory.Order) ([]inventory.Result, error) {
	if len(orders) == 0 {
		return nil, nil
	}
	began := time.Now()
	decided, err := h.reserver.Reserve(ctx, orders, inventory.Rules{At: event.At(began).Time, FailSKU: h.failSKU.Get()})
	h.metrics.transaction.Observe(time.Since(began).Seconds())
	if database.Refused(err) {
		return nil, kafka.Faulty("refused-by-database", err)
	}
	return decided, err
}

func (h *Handler) result(record *kafka.Record, cause string, order inventory.Order, decided inventory.Result, trace *batchTrace) kafka.Result {
	switch {
	case errors.Is(decided.Err, inventory.ErrConflict):
		return kafka.Result{Err: kafka.Fatal("conflict", fmt.Errorf("order %d: %w", order.ID, decided.Err))}
	case errors.Is(decided.Err, inventory.ErrFailSKU):
		return kafka.Result{Err: kafka.Faulty("fail-sku", fmt.Errorf("order %d: %w", order.ID, decided.Err))}
	case decided.Err != nil:
		return kafka.Result{Err: decided.Err}
	}
	parent, state := trace.carryOn(record, order.ID, decided.Outcome)
	return kafka.Result{Emit: []*kafka.Record{emit(order.ID, decided.Outcome, cause, parent, state)}}
}

// Probe implements kafka.Handler.
func (h *Handler) Probe(ctx context.Context) error { return h.reserver.Probe(ctx) }
