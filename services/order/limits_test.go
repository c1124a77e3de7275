package order

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// silence is a store full of orders that nobody has answered.
type silence struct {
	Store
	publications []Publication
}

func silenceOf(publications, ordersEach int) *silence {
	s := &silence{}
	for id := int64(1); len(s.publications) < publications; {
		p := Publication{ID: id, Attempts: 1}
		for range ordersEach {
			p.OrderIDs = append(p.OrderIDs, id)
			id++
		}
		s.publications = append(s.publications, p)
	}
	return s
}

func (s *silence) ClaimUnanswered(_ context.Context, limit int, _ time.Duration) ([]Publication, error) {
	claimed := s.publications[:min(limit, len(s.publications))]
	s.publications = s.publications[len(claimed):]
	return claimed, nil
}

func (s *silence) FindPending(_ context.Context, ids []int64) ([]Order, error) {
	pending := make([]Order, 0, len(ids))
	for _, id := range ids {
		pending = append(pending, Order{ID: id, Status: Pending})
	}
	return pending, nil
}

func (s *silence) MarkPublished(context.Context, []int64, Backoff) error { return nil }

func outboxOf(store Store, publish PublishFunc) *outbox {
	return New(Config{Store: store, Publish: publish, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()}).outbox
}

// After an outage of the inventory service everything is unanswered at once, and what is new must not wait behind it.
func TestUnansweredOrdersArePublishedAgainAtABoundedRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const orders = 10 * republishRate
		began, published := time.Now(), 0
		done := make(chan struct{})
		o := outboxOf(silenceOf(orders/100, 100), func(_ context.Context, chunk []Order) []error {
			published += len(chunk)
			if most := maxPublish + republishRate*time.Since(began).Seconds(); float64(published) > most {
				t.Errorf("%d published within %s", published, time.Since(began))
			}
			if published == orders {
				close(done)
			}
			return slices.Repeat([]error{nil}, len(chunk))
		})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = o.runUnanswered(ctx) }()
		<-done
		cancel()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%d took %s: slower than it may be", orders, took)
		}
	})
}

func TestNoMoreOrdersWaitInMemoryThanMay(t *testing.T) {
	o := outboxOf(&silence{}, nil)
	for range 2 * maxUnsent / maxGroup {
		o.offer(make([]Order, maxGroup), o.timing.Lease)
	}
	waiting := 0
	for len(o.fresh) > 0 {
		waiting += len((<-o.fresh).orders)
	}
	if waiting != maxUnsent {
		t.Errorf("%d wait, want %d", waiting, maxUnsent)
	}
	if o.lease() != 0 {
		t.Error("later orders would overtake those that did not fit")
	}
}
