// Package consume takes inventory's outcomes and the pipeline's dead letters to the orders they are about.
package consume

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/order"
)

// Topics are what the order service consumes, as the group event.GroupOrder.
var Topics = []string{event.TopicInventoryReserved, event.TopicInventoryRejected, event.TopicDeadLetter}

// Handler is a kafka.Handler.
type Handler struct {
	orders *order.Service
	log    *slog.Logger
}

// New returns a handler that reports to a service.
func New(orders *order.Service, log *slog.Logger) *Handler { return &Handler{orders, log} }

var _ kafka.Handler = (*Handler)(nil)

// Handle applies a batch in one transaction. What is about no order of ours is counted and passed. A record of inventory.*
// that cannot be read is fatal; one of the dead letter topic is kept where it is, so it is counted, logged and passed.
func (h *Handler) Handle(ctx context.Context, batch []*kafka.Record) ([]kafka.Result, error) {
	results := make([]kafka.Result, len(batch))
	reports := make([]order.Report, 0, len(batch))
	unreadable := map[*kafka.Record]error{} // dead letters
	for i, r := range batch {
		report, err := Decode(r)
		switch {
		case err == nil:
			reports = append(reports, report)
		case r.Topic == event.TopicDeadLetter:
			unreadable[r] = err
		default:
			results[i].Err = kafka.Fatal("undecodable", err)
		}
	}
	_, err := h.orders.Report(ctx, reports)
	if errors.Is(err, order.ErrRefused) {
		return nil, kafka.Faulty("refused", err)
	}
	if err != nil {
		return nil, err
	}
	for r, err := range unreadable { // not before, for in an outage a batch comes again and again
		h.orders.Pass(order.Undecodable)
		h.log.WarnContext(ctx, "a dead letter cannot be read; it stays in its topic", "partition", r.Partition, "offset", r.Offset, "error", err)
	}
	return results, nil
}

// Probe does what Handle does, and undoes it.
func (h *Handler) Probe(ctx context.Context) error { return h.orders.Probe(ctx) }

// Decode reads a record of any of the Topics.
func Decode(r *kafka.Record) (order.Report, error) {
	if r.Topic == event.TopicDeadLetter {
		return decodeLetter(r)
	}
	return decodeOutcome(r)
}

// decodeOutcome reads an outcome. Which event caused it stands in a header that the Spring Boot original does not
// write: without it the outcome is nobody's, for an id alone could be an older installation's.
func decodeOutcome(r *kafka.Record) (order.Report, error) {
	outcome, err := event.DecodeOutcome(r.Value)
	if err != nil {
		return order.Report{}, err
	}
	if outcome.Topic() != r.Topic {
		return order.Report{}, fmt.Errorf("decode outcome: %s in %s", outcome.Status, r.Topic)
	}
	report := order.Report{
		OrderID: outcome.OrderID,
		EventID: string(kafka.HeaderValue(r, event.HeaderCausation)),
		Kind:    order.WasReserved,
		Reason:  outcome.Reason,
		At:      event.Sane(outcome.Timestamp.Time, r.Timestamp),
		Cause:   outcome.EventID,
	}
	if outcome.Status == event.StatusRejected {
		report.Kind = order.WasRejected
	}
	return report, nil
}

// decodeLetter reads a dead letter. Headers of the origin are appended each time a record is dead-lettered. The first is
// where the record came from at first; whether inventory gave it up stands in the last, which belongs to the exception.
//
// A letter of another origin (a record of inventory.* that some service could not take) comes from another group, so
// its value need not be read. A letter whose value was cut to make it fit may be unreadable, and its order stays PENDING
// until it is published again.
func decodeLetter(r *kafka.Record) (order.Report, error) {
	report := order.Report{
		Kind:   order.DeadLettered,
		Group:  string(kafka.HeaderValue(r, kafka.HeaderOriginalGroup)),
		Reason: string(kafka.HeaderValue(r, kafka.HeaderExceptionMessage)),
		At:     event.Sane(r.Timestamp),
		Cause:  fmt.Sprintf("%s/%d/%d@%d", r.Topic, r.Partition, r.Offset, r.Timestamp.UnixMilli()),
	}
	if report.Group != event.GroupInventory {
		return report, nil
	}
	created, err := event.DecodeOrderCreated(r.Value)
	if err != nil {
		return order.Report{}, err
	}
	report.OrderID, report.EventID = created.OrderID, created.EventID
	return report, nil
}
