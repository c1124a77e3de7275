package order

import (
	"context"
	"time"

	"github.com/openorder/openorder/services/internal/event"
)

// Undecodable is the verdict on a record of the dead letter topic that holds nothing readable: it is kept there already.
const Undecodable Verdict = "undecodable"

// Report applies what other services say about orders, in one transaction. It is idempotent: reports that come again
// change nothing.
func (s *Service) Report(ctx context.Context, reports []Report) ([]Verdict, error) {
	if len(reports) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	decisions, err := s.store.Apply(ctx, reports)
	if err != nil {
		return nil, err
	}
	verdicts := make([]Verdict, len(decisions))
	for i, decision := range decisions {
		verdicts[i] = decision.Verdict
		s.observe(reports[i], decision)
		if decision.Verdict == Applied || decision.Verdict == Noted {
			s.watches.tell(decision.Order)
		}
	}
	return verdicts, nil
}

// Pass counts what was read and is about no order.
func (s *Service) Pass(verdict Verdict) { s.metrics.ignored.WithLabelValues(string(verdict)).Inc() }

// Probe tells whether reports could be applied, whatever they say.
func (s *Service) Probe(ctx context.Context) error { return s.store.Probe(ctx) }

func (s *Service) observe(r Report, d Decision) {
	if d.Verdict != Applied {
		s.Pass(d.Verdict)
		return
	}
	s.metrics.settled.WithLabelValues(string(d.Order.Status)).Inc()
	switch {
	case d.Order.Status.Final():
		s.metrics.outcomeTime.Observe(time.Since(d.Order.CreatedAt).Seconds())
	case d.Order.Status == Failed:
		s.log.Debug("order failed: inventory left a dead letter", "order_id", d.Order.ID, "error", r.Reason, event.TraceID(d.Order.TraceParent))
	}
}
