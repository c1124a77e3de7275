package order

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// frozen is a store on a server that froze with a connection's question and never answers it; a failover's next one does.
type frozen struct {
	Store
	thawed atomic.Bool
}

func (f *frozen) ask(ctx context.Context) error {
	if f.thawed.Swap(true) {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (f *frozen) Apply(ctx context.Context, reports []Report) ([]Decision, error) {
	return make([]Decision, len(reports)), f.ask(ctx)
}

func (f *frozen) Changed(ctx context.Context, seen []Seen) ([]Order, error) {
	return []Order{{ID: seen[0].OrderID, Status: Reserved, Outcomes: []Entry{{Status: Reserved}}}}, f.ask(ctx)
}

func (f *frozen) claim(ctx context.Context) ([]Publication, error) {
	if err := f.ask(ctx); err != nil {
		return nil, err
	}
	return []Publication{{ID: 1, OrderIDs: []int64{1}}}, nil
}

func (f *frozen) ClaimUnpublished(ctx context.Context, _ int, _ time.Duration) ([]Publication, error) {
	return f.claim(ctx)
}

func (f *frozen) ClaimUnanswered(ctx context.Context, _ int, _ time.Duration) ([]Publication, error) {
	return f.claim(ctx)
}

func (f *frozen) FindPending(context.Context, []int64) ([]Order, error) { return []Order{{ID: 1}}, nil }

func (f *frozen) Find(context.Context, []int64) ([]Order, error) { return []Order{{ID: 1}}, nil }

func (f *frozen) MarkPublished(context.Context, []int64, Backoff) error { return nil }

func TestAServerThatFreezesHoldsNobodyUpForGood(t *testing.T) {
	for name, test := range map[string]func(ctx context.Context, s *Service, published <-chan struct{}){
		"reports": func(ctx context.Context, s *Service, _ <-chan struct{}) {
			for ctx.Err() == nil { // as a consumer does
				if _, err := s.Report(ctx, []Report{{OrderID: 1}}); err == nil {
					return
				}
			}
		},
		"watches": func(ctx context.Context, s *Service, _ <-chan struct{}) {
			go func() { _ = s.watches.run(ctx) }()
			if steps, _, err := s.Watch(ctx, 1, 1, time.Hour, nil); err == nil {
				for range steps {
				}
			}
		},
		"overdue orders": func(ctx context.Context, s *Service, published <-chan struct{}) {
			go func() { _ = s.outbox.runUnpublished(ctx) }()
			<-published
		},
		"unanswered orders": func(ctx context.Context, s *Service, published <-chan struct{}) {
			go func() { _ = s.outbox.runUnanswered(ctx) }()
			<-published
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				published := make(chan struct{})
				s := New(Config{Store: &frozen{}, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
					Publish: func(_ context.Context, orders []Order) []error {
						select {
						case published <- struct{}{}:
						case <-ctx.Done():
						}
						<-ctx.Done()
						return slices.Repeat([]error{nil}, len(orders))
					}})
				done := make(chan struct{})
				go func() { test(ctx, s, published); close(done) }()
				select {
				case <-done:
				case <-ctx.Done():
				}
				if ctx.Err() != nil {
					t.Error("still waiting for the first answer")
				}
			})
		})
	}
}
