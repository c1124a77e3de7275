package kafka

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
)

// Handler takes batches of records. It is expected to be idempotent: records come again after a crash, a rebalance, a
// retry, or a produce that was not acknowledged.
//
// The context ends when the service stops or the partitions are gone. Handle runs on one goroutine at a time.
type Handler interface {
	// Handle does all of a batch in as few transactions as it can and returns a Result a record, in the batch's order.
	// The records of a partition are in offset order. An error is about the whole batch: an outage (tried again without
	// end) or, if Faulty, a refusal (the batch is split until the culprit stands alone; a panic counts as one).
	Handle(ctx context.Context, batch []*Record) ([]Result, error)

	// Probe does what Handle does to the same tables and undoes it. When a record fails alone with an error that may be
	// an outage and Probe succeeds, it was the record.
	Probe(ctx context.Context) error
}

// Result is what became of one record.
type Result struct {
	// Err is nil for a record that is done. See Fatal and Faulty; any other error is tried again without end.
	Err error
	// Emit is produced, and acknowledged, before the record counts as done. Handle may return before that.
	Emit []*Record
}

// ConsumerConfig is what a Consumer needs.
type ConsumerConfig struct {
	Kafka      Config
	Group      string
	Topics     []string
	ClientID   string
	MaxBatch   int    // records a Handle at most
	DeadLetter string // where records go that cannot be taken; empty: they are counted, logged and passed
	Handler    Handler
	Log        *slog.Logger
	Metrics    prometheus.Registerer
	// Report is told what the consumer waits for, nil when it waits for nothing. It is shown, and takes no pod out.
	Report func(error)
}
