package redrive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// transactionTimeout is how long readers of the target wait behind a transaction that was killed, unless the next
	// redrive ends it first.
	transactionTimeout = 20 * time.Second
	// writeTimeout bounds one transaction as the run sees it.
	writeTimeout = time.Minute
	// maxRecord is what the client takes, before compression; the target's max.message.bytes is about what the broker gets.
	maxRecord = 64 << 20
)

// Errors that a run ends with, beside those of the cluster.
var (
	ErrTakenOver   = errors.New("another redrive of this topic was started and took over (or this one stood still for longer than " + transactionTimeout.String() + ")")
	ErrUnconfirmed = errors.New("the end of the last transaction was not confirmed")
	ErrNoRight     = errors.New("no right to use transactions")
)

// writer writes records and the trail's entries about them.
type writer struct {
	client        *kgo.Client
	transactional bool
}

// newWriter takes over from every other transactional writer of the topic: when it returns, their transactions are ended.
func newWriter(ctx context.Context, plan Plan, log *slog.Logger) (*writer, error) {
	options := append(plan.Kafka.Options("openorder-redrive", log),
		// All records of a step are one request a broker: quicker, and no second batch of a partition is on its way while
		// the first may yet be refused.
		kgo.ManualFlushing(),
		kgo.ProducerBatchMaxBytes(maxRecord),
		// The least common denominator of all clients that squeezes hard: a record that only fits compressed fits again.
		kgo.ProducerBatchCompression(kgo.GzipCompression()),
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(partitioner)),
		kgo.RecordDeliveryTimeout(transactionTimeout),
		kgo.UnknownTopicRetries(20), // the trail may be new, and this broker not know it yet
	)
	if plan.AtLeastOnce {
		// Without idempotence no right beyond Write on the topics is needed; one request at a time keeps the order.
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	} else {
		options = append(options, kgo.TransactionalID(TransactionalID(plan.Topic)), kgo.TransactionTimeout(transactionTimeout))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("start a producer: %w", err)
	}
	w := &writer{client: client, transactional: !plan.AtLeastOnce}
	if err := w.fence(ctx, plan.Topic); err != nil {
		client.Close()
		return nil, err
	}
	return w, nil
}

func (w *writer) fence(ctx context.Context, topic string) error {
	if !w.transactional {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	_, _, err := w.client.ProducerID(ctx)
	if errors.Is(err, kerr.TransactionalIDAuthorizationFailed) || errors.Is(err, kerr.ClusterAuthorizationFailed) {
		return fmt.Errorf("%w: this user needs Write and Describe on the transactional id %q; --at-least-once does without", ErrNoRight, TransactionalID(topic))
	}
	if err != nil {
		return fmt.Errorf("start a transactional producer: %w", err)
	}
	return nil
}

// partitioner puts a record into the partition it names, if the topic has that one, and otherwise where its key belongs.
func partitioner(topic string) func(*kgo.Record, int) int {
	byKey := kgo.StickyKeyPartitioner(nil).ForTopic(topic)
	return func(r *kgo.Record, n int) int {
		if r.Partition >= 0 && int(r.Partition) < n {
			return int(r.Partition)
		}
		return byKey.Partition(r, n)
	}
}

func (w *writer) begin() error {
	if !w.transactional {
		return nil
	}
	return explain(w.client.BeginTransaction())
}

func (w *writer) abort(ctx context.Context) error {
	if !w.transactional {
		return nil
	}
	return explain(w.client.EndTransaction(ctx, kgo.TryAbort))
}

func (w *writer) commit(ctx context.Context) error {
	if !w.transactional {
		return nil
	}
	err := explain(w.client.EndTransaction(ctx, kgo.TryCommit))
	if err != nil && !errors.Is(err, ErrTakenOver) {
		return fmt.Errorf("%w: %w", ErrUnconfirmed, err)
	}
	return err
}

// produce returns when each record is acknowledged or has failed, an error a record, or when the context is done: a record
// that may have been written cannot be called back.
func (w *writer) produce(ctx context.Context, records []*kgo.Record) []error {
	errs := make([]error, len(records))
	for i, r := range records {
		w.client.Produce(ctx, r, func(_ *kgo.Record, err error) { errs[i] = err })
	}
	if err := w.client.Flush(ctx); err != nil { // answers may come yet, into the slice that nobody reads
		return slices.Repeat([]error{fmt.Errorf("not acknowledged: %w", err)}, len(records))
	}
	return errs
}

// isRefusal tells whether a record can never be written to its topic, whatever else can.
func isRefusal(err error) bool {
	for _, refusal := range []error{kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.CorruptMessage, kerr.PolicyViolation} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// explain puts a name to what happens when another redrive begins.
func explain(err error) error {
	for _, sign := range []error{kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping} {
		if errors.Is(err, sign) {
			return fmt.Errorf("%w: %w", ErrTakenOver, err)
		}
	}
	return err
}

func (w *writer) close() { w.client.Close() }

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(50 * time.Millisecond):
		return nil
	}
}
