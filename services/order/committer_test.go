package order

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openorder/openorder/services/internal/event"
)

// disk keeps every group, and takes its time for it.
type disk struct {
	Store
	takes func(group []Placement) time.Duration

	mu           sync.Mutex
	groups       []int // their sizes
	at, together int   // under way now, and at most
}

func (d *disk) ClaimIDs(context.Context, int64) (int64, error) { return FirstID(time.Now()), nil }

func (d *disk) Insert(_ context.Context, group []Placement, _ time.Duration) (map[[32]byte]Owner, error) {
	d.mu.Lock()
	d.groups = append(d.groups, len(group))
	d.at++
	d.together = max(d.together, d.at)
	d.mu.Unlock()
	time.Sleep(d.takes(group))
	d.mu.Lock()
	d.at--
	d.mu.Unlock()
	return nil, nil
}

func (d *disk) MarkPublished(context.Context, []int64, Backoff) error { return nil }

// committing runs some committers over a disk, in a bubble, whose time nothing but the disk takes. place returns at once.
func committing(t *testing.T, runs int, d *disk, test func(place func(user int64) *waiting)) {
	synctest.Test(t, func(t *testing.T) {
		timing := Timing{}.orDefaults()
		out := &outbox{fresh: make(chan batch, 100), timing: timing}
		c := newCommitter(d, out, newMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler), timing)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for range runs {
			running.Go(func() { _ = c.run(ctx) })
		}
		test(func(user int64) *waiting {
			w := &waiting{draft: Draft{UserID: user}, answered: make(chan struct{})}
			if err := c.enqueue(w); err != nil {
				t.Error(err)
			}
			return w
		})
		stop()
		running.Wait()
	})
}

func request() Request {
	return Request{Draft: Draft{UserID: 1, Items: event.Items{{SKU: "A", Qty: 1}}}}
}

func takes(d time.Duration) func([]Placement) time.Duration {
	return func([]Placement) time.Duration { return d }
}

func TestOneGroupIsOnItsWayAtATimeWhileTheDiskIsQuick(t *testing.T) {
	t.Parallel()
	d := &disk{takes: takes(slow / 2)}
	committing(t, 2, d, func(place func(int64) *waiting) {
		for user := range int64(30) {
			place(user + 1)
			time.Sleep(time.Millisecond)
		}
	})
	if d.together != 1 {
		t.Errorf("%d groups were on their way at once", d.together)
	}
}

func TestConcurrentRequestsShareTransactions(t *testing.T) {
	t.Parallel()
	d := &disk{takes: takes(time.Second)}
	committing(t, 2, d, func(place func(int64) *waiting) {
		for range 2 { // the two committers have one each; everybody else has to wait for them
			place(1)
			time.Sleep(2 * slow)
		}
		var others []*waiting
		for range 298 {
			others = append(others, place(2))
		}
		for _, w := range others {
			if <-w.answered; w.err != nil {
				t.Error(w.err)
			}
		}
	})
	if !slices.Equal(d.groups, []int{1, 1, 298}) {
		t.Errorf("groups of %v", d.groups)
	}
}

func TestAGroupThatIsSlowHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	d := &disk{takes: func(group []Placement) time.Duration {
		if group[0].Order.UserID == 1 {
			return time.Second
		}
		return 0
	}}
	committing(t, 2, d, func(place func(int64) *waiting) {
		place(1)
		synctest.Wait()
		began := time.Now()
		<-place(2).answered
		if took := time.Since(began); took > slow {
			t.Errorf("the order behind a slow group took %s", took)
		}
	})
}

func TestAGroupAfterALargeOneWaitsForCompany(t *testing.T) {
	t.Parallel()
	for before, want := range map[int]int{crowded: 2, crowded - 1: 1} {
		d := &disk{takes: takes(slow / 2)}
		committing(t, 1, d, func(place func(int64) *waiting) {
			place(1)
			synctest.Wait()
			var last *waiting
			for range before {
				last = place(2)
			}
			<-last.answered
			place(3)
			time.Sleep(company / 2)
			place(3)
		})
		if !slices.Equal(d.groups[:2], []int{1, before}) || d.groups[2] != want {
			t.Errorf("after a group of %d: groups of %v, want %d in the third", before, d.groups, want)
		}
	}
}

func TestAStoppingServicePublishesWhatIsOnItsWayToTheDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var published []Order
		s := New(Config{
			Store: &disk{takes: takes(time.Second)}, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
			Publish: func(_ context.Context, orders []Order) []error {
				published = append(published, orders...)
				return make([]error, len(orders))
			},
		})
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for _, task := range []func(context.Context) error{s.commit, s.commit, s.outbox.runFresh} {
			running.Go(func() { _ = task(ctx) })
		}
		go func() {
			_, _ = s.Place(t.Context(), Request{Draft: Draft{UserID: 1, Items: event.Items{{SKU: "A", Qty: 1}}}})
		}()
		synctest.Wait()
		stop()
		running.Wait()
		if len(published) != 1 {
			t.Errorf("%d orders were published, want the one that was taken", len(published))
		}
	})
}

// cut is a database whose answers are all lost.
type cut struct{ disk }

func (*cut) Insert(context.Context, []Placement, time.Duration) (map[[32]byte]Owner, error) {
	return nil, fmt.Errorf("%w: connection reset", ErrUncertain)
}

func (*cut) Find(context.Context, []int64) ([]Order, error) {
	return nil, errors.New("connection refused")
}

func TestWhereEvenTheLookUpFailsTheOrderMayHaveBeenTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Store: &cut{}, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _ = s.commit(ctx) }()
		if _, err := s.Place(t.Context(), request()); !errors.Is(err, ErrMaybeTaken) {
			t.Error(err)
		}
	})
}
