package redrive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/deadletter"
)

// A batch is one transaction: many letters for speed, few enough bytes that a broker takes it as one batch of records.
const (
	batchLetters = 500
	batchBytes   = 512 << 10
)

// sending is a letter on its way.
type sending struct {
	letter    deadletter.Letter
	target    string
	partition int32 // Unknown: by key
}

// send redrives the letters, in order. A letter that its target refuses is left out, and reported; the rest goes on.
func (r *Redrive) send(ctx context.Context, batch []sending) error {
	// What was begun is ended, also when the caller has had enough meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	if err := r.writer.begin(); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	records := make([]*kgo.Record, len(batch))
	for i, s := range batch {
		records[i] = s.record(r.plan.Families)
	}
	var written []sending
	var places []deadletter.Place
	var refused []sending
	var refusal, failure error
	for i, err := range r.writer.produce(ctx, records) {
		switch {
		case err == nil:
			written = append(written, batch[i])
			places = append(places, deadletter.Place{Topic: records[i].Topic, Partition: records[i].Partition, Offset: records[i].Offset})
		case isRefusal(err):
			refused, refusal = append(refused, batch[i]), err
		case failure == nil:
			failure = fmt.Errorf("write to %s: %w", batch[i].target, explain(err))
		}
	}
	if failure != nil && r.writer.transactional {
		return errors.Join(failure, r.giveUp(ctx))
	}
	if len(refused) > 0 && r.writer.transactional {
		if err := r.writer.abort(ctx); err != nil {
			return fmt.Errorf("abort a transaction: %w", err)
		}
		return r.sendParts(ctx, batch, refusal)
	}
	if err := errors.Join(failure, r.sign(ctx, written, places)); err != nil {
		return err
	}
	if len(refused) > 0 {
		return r.sendParts(ctx, refused, refusal)
	}
	return nil
}

// sendParts sends a batch of which something was refused in ever smaller parts, until each culprit stands alone: the
// broker's answer is about all that it got at once.
func (r *Redrive) sendParts(ctx context.Context, batch []sending, refusal error) error {
	if len(batch) == 1 {
		r.report.leave(Refused, batch[0].letter, fmt.Sprintf("%s: %v", batch[0].target, refusal))
		return nil
	}
	middle := len(batch) / 2
	if err := r.send(ctx, batch[:middle]); err != nil {
		return err
	}
	return r.send(ctx, batch[middle:])
}

// sign writes the trail's entries about the written letters and commits both.
func (r *Redrive) sign(ctx context.Context, written []sending, places []deadletter.Place) error {
	entries := make([]*kgo.Record, len(written))
	for i, s := range written {
		entries[i] = r.entry(s.letter, places[i])
	}
	for _, err := range r.writer.produce(ctx, entries) {
		if err != nil {
			return errors.Join(fmt.Errorf("write to the trail %s: %w", r.trail.Topic, explain(err)), r.giveUp(ctx))
		}
	}
	if err := r.writer.commit(ctx); err != nil {
		return fmt.Errorf("commit a transaction: %w", err)
	}
	for _, s := range written {
		r.report.took(s.target)
	}
	return nil
}

// giveUp aborts, so that readers of the target need not wait for the transaction to time out. That another redrive
// aborted it already is no news.
func (r *Redrive) giveUp(ctx context.Context) error {
	if err := r.writer.abort(ctx); err != nil && !errors.Is(err, ErrTakenOver) && !errors.Is(err, kerr.TransactionAbortable) {
		return fmt.Errorf("abort the transaction: %w", err)
	}
	return nil
}

func (s sending) record(families []deadletter.Family) *kgo.Record {
	record := &kgo.Record{Topic: s.target, Partition: s.partition, Key: s.letter.Key, Value: s.letter.Value}
	for _, h := range s.letter.Redriven(families) {
		record.Headers = append(record.Headers, kgo.RecordHeader(h))
	}
	return record
}

func (s sending) size() int {
	size := len(s.letter.Key) + len(s.letter.Value)
	for _, h := range s.letter.Headers {
		size += len(h.Key) + len(h.Value)
	}
	return size
}

func (r *Redrive) entry(l deadletter.Letter, to deadletter.Place) *kgo.Record {
	entry := deadletter.Entry{
		DeadLetterTopic: l.Topic, TopicID: l.TopicID, Partition: l.Partition, Offset: l.Offset,
		To: to, Redrives: l.Redrives() + 1, By: r.plan.By, At: time.Now().UTC().Truncate(time.Millisecond), Run: r.plan.Run,
		Filter: r.filter,
	}
	if l.LeaderEpoch >= 0 {
		entry.LeaderEpoch = &l.LeaderEpoch
	}
	return &kgo.Record{Topic: r.trail.Topic, Partition: deadletter.Unknown, Key: []byte(l.Position()), Value: entry.Encode()}
}
