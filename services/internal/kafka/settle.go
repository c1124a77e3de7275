package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openorder/openorder/services/internal/event"
)

// emission is what has to be acknowledged before an entry is finished.
type emission struct {
	entry   *entry
	records []*Record
	letter  bool // the record is the entry's dead letter
}

// settle follows a batch's results: failures wait or are dead-lettered, and what is to be emitted is produced. A record
// is finished only when all of that is acknowledged.
func (s *session) settle(ctx context.Context, batch []*entry, results []Result) {
	var emits, letters []emission
	s.mu.Lock()
	now := time.Now()
	waits := map[waitingKey]bool{} // keys of which a record of this batch has to wait
	for i, e := range batch {
		result := results[i]
		switch {
		case len(waits) > 0 && waits[e.key()] && s.waiting.holdBack(e):
			e.partition.inFlight-- // handled again behind the one that waits: the handler is idempotent and emits the same
		case result.Err == nil && len(result.Emit) == 0:
			s.finish(e, now, "done")
		case result.Err == nil:
			emits = append(emits, emission{entry: e, records: result.Emit})
		case s.again(e, result.Err, now):
			if e.record.Key != nil {
				waits[e.key()] = true
			}
		case e.record.Topic == s.c.config.DeadLetter:
			s.c.config.Log.Warn("pass a record of the dead letter topic that cannot be taken; it is kept there",
				"topic", e.record.Topic, "partition", e.record.Partition, "offset", e.record.Offset, "error", cut(result.Err.Error(), maxMessageBytes))
			s.finish(e, now, "passed")
		default:
			letter := newDeadLetter(s.c.config.DeadLetter, s.c.config.Group, e.record, result.Err)
			letters = append(letters, emission{entry: e, records: []*Record{letter}, letter: true})
		}
	}
	s.mu.Unlock()
	s.emit(ctx, s.c.emits, emits)
	s.emit(ctx, s.c.letters, letters)
	if len(emits)+len(letters) == 0 {
		s.c.config.Report(nil)
	}
}

// again lets a failed entry wait for its next attempt, if it has one.
func (s *session) again(e *entry, err error, now time.Time) bool {
	e.lastErr = err
	switch kindOf(err) {
	case fatal:
		return false
	case faulty:
		if e.attempts++; e.attempts >= attemptsInAll {
			return false
		}
		s.c.metrics.retries.WithLabelValues("fault").Inc()
		s.retryAt(e, now.Add(attemptInterval))
	default:
		s.retryAfterOutage(e, now)
	}
	return true
}

func (s *session) retryAfterOutage(e *entry, now time.Time) {
	e.outages++
	s.c.metrics.retries.WithLabelValues("outage").Inc()
	s.retryAt(e, now.Add(backoff(e.outages)))
}

func (s *session) retryAt(e *entry, due time.Time) {
	e.partition.inFlight--
	if !e.partition.gone {
		s.waiting.retryAt(e, due)
	}
}

// finish marks an entry's offset and lets the records behind it go.
func (s *session) finish(e *entry, now time.Time, result string) {
	e.partition.inFlight--
	if e.partition.gone {
		return
	}
	e.partition.low.finished(e.record.Offset)
	s.waiting.release(e, now)
	s.c.metrics.record(e.record.Topic, result)
}

// emit produces in the background, so that the next batch is fetched and decided meanwhile. It waits while too many
// batches are in flight: memory stays bounded when the brokers are slow.
func (s *session) emit(ctx context.Context, producer *Producer, emissions []emission) {
	if len(emissions) == 0 {
		return
	}
	if !s.takeSlot(ctx, emissions) {
		return
	}
	records := make([]*Record, 0, len(emissions))
	for _, e := range emissions {
		records = append(records, e.records...)
	}
	s.c.producing.Go(func() {
		// What is decided is produced even while the service stops; the producer bounds the time.
		errs := producer.Produce(context.WithoutCancel(ctx), records)
		s.acknowledged(emissions, errs)
	})
}

// takeSlot waits while too many batches are in flight. When ctx ends before, the emissions are given up: their records are
// handled again after a restart.
func (s *session) takeSlot(ctx context.Context, emissions []emission) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.awaitInFlight(ctx, maxInFlight-1) {
		for _, e := range emissions {
			e.entry.partition.inFlight--
		}
		return false
	}
	s.inFlight++
	return true
}

// awaitInFlight waits until at most so many batches are in flight, and tells whether that was before ctx ended. mu is held.
func (s *session) awaitInFlight(ctx context.Context, most int) bool {
	defer context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed.Broadcast()
	})()
	for s.inFlight > most {
		if ctx.Err() != nil {
			return false
		}
		s.changed.Wait()
	}
	return true
}

// acknowledged finishes the entries all of whose records were written. The others are handled again: the handler is
// idempotent and emits the same.
func (s *session) acknowledged(emissions []emission, errs []error) {
	s.mu.Lock()
	now := time.Now()
	var failed, ours error // ours: of partitions that are not another's by now
	for _, e := range emissions {
		err := errors.Join(errs[:len(e.records)]...)
		errs = errs[len(e.records):]
		switch {
		case err != nil:
			failed = fmt.Errorf("produce to %s: %w", e.records[0].Topic, err)
			if !e.entry.partition.gone {
				ours = failed
			}
			s.retryAfterOutage(e.entry, now)
		case e.letter:
			s.deadLettered(e.entry)
			s.finish(e.entry, now, "dead_lettered")
		default:
			s.finish(e.entry, now, "done")
		}
	}
	s.inFlight--
	s.changed.Broadcast()
	news := s.newFailure(failed)
	s.mu.Unlock()
	if news {
		s.c.config.Log.Warn("not acknowledged; the records are handled again", "group", s.c.config.Group, "error", failed)
	}
	s.c.config.Report(ours)
}

// newFailure tells whether records are not acknowledged for another reason than before: the same is said once.
func (s *session) newFailure(failed error) bool {
	before := s.unwritten
	s.unwritten = ""
	if failed != nil {
		s.unwritten = failed.Error()
	}
	return s.unwritten != "" && s.unwritten != before
}

// maxLoggedKey bounds a key in the log, whoever wrote it.
const maxLoggedKey = 255

func (s *session) deadLettered(e *entry) {
	s.c.metrics.deadLetters.WithLabelValues(e.record.Topic, nameOf(e.lastErr)).Inc()
	s.c.config.Log.Warn("dead-lettered", "topic", e.record.Topic, "partition", e.record.Partition, "offset", e.record.Offset,
		s.c.config.KeyName, cut(string(e.record.Key), maxLoggedKey), event.TraceID(string(HeaderValue(e.record, event.HeaderTraceParent))),
		"reason", nameOf(e.lastErr), "attempts", max(e.attempts, 1), "error", cut(e.lastErr.Error(), maxMessageBytes))
}
