// Package consume takes events from Kafka to the notification ledger.
package consume

import (
	"context"
	"fmt"
	"time"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/notification"
)

// Topics are those that tell what orders came to.
func Topics() []string {
	return []string{event.TopicInventoryReserved, event.TopicInventoryRejected, event.TopicDeadLetter}
}

// Ledger is what consuming needs of the ledger.
type Ledger interface {
	// Record decides what is news, and writes a notification of it for each receiver. It is idempotent.
	Record(ctx context.Context, events []notification.Event, receivers []string) (news []notification.Event, err error)
	Probe(ctx context.Context) error
}

// Handler is a kafka.Handler.
type Handler struct {
	Ledger    Ledger
	Receivers []string // their ids
	// Told is called with what was news, once it is in the ledger.
	Told func(news []notification.Event)
	// Ignored is called with dead letters that tell nothing of an order.
	Ignored func(letters int)
}

// maxReason bounds how much of a reason or an error is kept.
const maxReason = 500

// patience is how long the ledger may take: a server that froze never answers, and after a failover the next one does.
const patience = 30 * time.Second

// Handle records a batch's events in one transaction.
func (h *Handler) Handle(ctx context.Context, batch []*kafka.Record) ([]kafka.Result, error) {
	results := make([]kafka.Result, len(batch))
	events := make([]notification.Event, 0, len(batch))
	ignored := 0
	for i, r := range batch {
		if r.Topic == event.TopicDeadLetter && !failsOrder(r) {
			ignored++
			continue
		}
		e, err := decode(r)
		if err != nil {
			results[i].Err = kafka.Fatal("undecodable", err) // of the dead letter topic: counted, logged, passed
			continue
		}
		events = append(events, e)
	}
	if len(events) > 0 {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		news, err := h.Ledger.Record(ctx, events, h.Receivers)
		if err != nil {
			return nil, refusal(err)
		}
		if len(news) > 0 {
			h.Told(news)
		}
	}
	h.Ignored(ignored)
	return results, nil
}

// Probe tries the same tables.
func (h *Handler) Probe(ctx context.Context) error { return h.Ledger.Probe(ctx) }

func refusal(err error) error {
	if database.Refused(err) {
		return kafka.Faulty("refused-by-database", err)
	}
	return err
}

// failsOrder tells whether a dead letter is an order that inventory could not decide. A record that was redriven and
// dead-lettered again has several origins; the last is the one that its error belongs to.
func failsOrder(r *kafka.Record) bool {
	return string(kafka.HeaderValue(r, kafka.HeaderOriginalTopic)) == event.TopicOrderCreated &&
		string(kafka.HeaderValue(r, kafka.HeaderOriginalGroup)) == event.GroupInventory
}

func decode(r *kafka.Record) (notification.Event, error) {
	e := notification.Event{TraceParent: notification.Text(string(kafka.HeaderValue(r, event.HeaderTraceParent)), 100)}
	if r.Topic == event.TopicDeadLetter {
		order, err := event.DecodeOrderCreated(r.Value)
		if err != nil {
			return e, fmt.Errorf("dead letter: %w", err)
		}
		e.OrderID, e.Status, e.At = order.OrderID, notification.Failed, event.Sane(r.Timestamp)
		e.Reason = notification.Text(string(kafka.HeaderValue(r, kafka.HeaderExceptionMessage)), maxReason)
		return e, nil
	}
	outcome, err := event.DecodeOutcome(r.Value)
	if err != nil {
		return e, err
	}
	e.OrderID, e.Status = outcome.OrderID, notification.Status(outcome.Status)
	e.Reason = notification.Text(outcome.Reason, maxReason)
	e.At = event.Sane(outcome.Timestamp.Time)
	return e, nil
}
