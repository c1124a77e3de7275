package kafka

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// probeAfter is the number of failed attempts after which an error that may be an outage is put to the probe.
const probeAfter = 3

// work takes a batch to the handler until it is settled: again and again during an outage, in halves when it is refused.
func (s *session) work(ctx context.Context, batch []*entry) {
	for attempt := 1; ; attempt++ {
		if attempt > 1 {
			batch = s.inOrder(batch)
		}
		if batch = s.stillOurs(batch); len(batch) == 0 {
			return
		}
		results, err := s.handle(ctx, batch)
		if err == nil {
			s.settle(ctx, batch, results)
			return
		}
		if ctx.Err() != nil {
			s.giveBack(batch)
			return
		}
		refused := kindOf(err) != outage
		if !refused && attempt >= probeAfter && !s.c.config.Outage(err) && s.probe(ctx) == nil {
			refused, err = true, Faulty("unexplained", fmt.Errorf("fails while a probe of the same tables succeeds: %w", err))
		}
		switch {
		case refused && len(batch) == 1:
			s.settle(ctx, batch, []Result{{Err: err}})
			return
		case refused:
			s.c.metrics.splits.Inc()
			half := len(batch) / 2
			s.work(ctx, batch[:half:half])
			s.work(ctx, s.inOrder(batch[half:]))
			return
		}
		if batch = s.stillOurs(batch); len(batch) > 0 {
			s.waitOut(ctx, attempt, err)
		}
	}
}

// waitOut lets an outage pass. Rebalances go on meanwhile: their callbacks wait for nothing but a batch in hand.
func (s *session) waitOut(ctx context.Context, attempt int, err error) {
	s.c.config.Report(err)
	if attempt == 1 || attempt%12 == 0 {
		s.c.config.Log.Warn("waiting for an outage to end; nothing is dead-lettered", "group", s.c.config.Group, "attempt", attempt, "error", err)
	}
	s.c.metrics.retries.WithLabelValues("outage").Inc()
	s.client.AllowRebalance()
	pause(ctx, backoff(attempt))
}

func backoff(attempt int) time.Duration {
	return min(100*time.Millisecond<<min(attempt-1, 10), outageBackoff)
}

// handle calls the handler. A panic is a refusal: it comes from what the batch holds.
func (s *session) handle(ctx context.Context, batch []*entry) (results []Result, err error) {
	s.working.Lock()
	defer s.working.Unlock()
	records := make([]*Record, len(batch))
	for i, e := range batch {
		records[i] = e.record
	}
	defer func() {
		if cause := recover(); cause != nil {
			err = Faulty("panic", &panicError{cause, debug.Stack()})
		}
	}()
	started := time.Now()
	results, err = s.c.config.Handler.Handle(ctx, records)
	if err == nil && len(results) != len(records) {
		return nil, fmt.Errorf("the handler returned %d results for %d records", len(results), len(records))
	}
	if err == nil {
		s.c.metrics.batchSize.Observe(float64(len(records)))
		s.c.metrics.batchSeconds.Observe(time.Since(started).Seconds())
	}
	return results, err
}

func (s *session) probe(ctx context.Context) error {
	s.working.Lock()
	defer s.working.Unlock()
	return s.c.config.Handler.Probe(ctx)
}

// stillOurs leaves out what belongs to partitions that were taken away during an outage.
func (s *session) stillOurs(batch []*entry) []*entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := batch[:0:len(batch)]
	for _, e := range batch {
		if !e.partition.gone {
			kept = append(kept, e)
		}
	}
	return kept
}

// giveBack ends the attempt of a batch that the service's end interrupted; its records come again after a restart.
func (s *session) giveBack(batch []*entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range batch {
		e.partition.inFlight--
	}
}

// inOrder leaves out what has to wait because an earlier record of its key was put off since the batch was polled.
func (s *session) inOrder(batch []*entry) []*entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(batch, func(e *entry) bool {
		held := !e.partition.gone && s.waiting.holdBack(e)
		if held {
			e.partition.inFlight--
		}
		return held
	})
}

type panicError struct {
	cause any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.cause) }
