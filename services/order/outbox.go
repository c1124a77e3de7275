package order

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// outbox gets the events of committed orders out. There are three ways, all of the same publications:
//
//	fresh        what this replica just committed, from memory, at once
//	unpublished  what was committed and not published, by whomever, oldest first: after a crash or while Kafka was away
//	unanswered   what was published and left no trace: a minute later, two minutes later, and so on; and what the brokers
//	             did not take while they took others
//
// While anything unpublished is overdue, fresh orders queue up behind it in the database instead of overtaking it, so
// nothing piles up in memory.
type outbox struct {
	store   Outbox
	publish PublishFunc
	metrics *metrics
	timing  Timing

	fresh  chan batch
	unsent atomic.Int64              // orders in fresh
	behind atomic.Bool               // something is overdue
	calm   atomic.Pointer[time.Time] // behind stays true until then: failed leases are over
	failed chan struct{}             // wakes the sweeper
	marks  chan []int64              // published, not marked yet
	limit  *rate.Limiter             // of unanswered orders

	offering sync.WaitGroup // those who may offer orders yet

	log *slog.Logger

	marking, sweeping, unanswered, recalling *trouble
}

// batch is a publication in memory.
type batch struct {
	id     int64
	orders []Order
	until  time.Time // then the lease is over, and a sweeper may have it
}

// claimLease is how long publications claimed from the database are ours. It outlasts two thirds of itself, after which
// no chunk is begun, plus a produce.
func (o *outbox) claimLease() time.Duration { return 2 * o.timing.Lease }

// lease is how long a publication about to be inserted is ours: not at all when it has to queue up.
func (o *outbox) lease() time.Duration {
	if o.behind.Load() {
		return 0
	}
	return o.timing.Lease
}

// offer hands committed orders over for publishing, without waiting. What does not fit is found by the sweeper.
func (o *outbox) offer(orders []Order, lease time.Duration) {
	if len(orders) == 0 || lease == 0 {
		return
	}
	if o.unsent.Add(int64(len(orders))) > maxUnsent {
		o.unsent.Add(-int64(len(orders)))
		o.fallBehind()
		return
	}
	o.fresh <- batch{id: orders[0].ID, orders: orders, until: time.Now().Add(lease)}
}

// fallBehind sends everything through the database until the sweeper has caught up.
func (o *outbox) fallBehind() {
	calm := time.Now().Add(o.timing.Lease) // by the monotonic clock: nobody sets that back
	o.calm.Store(&calm)
	o.behind.Store(true)
	select {
	case o.failed <- struct{}{}:
	default:
	}
}

// runFresh publishes what this replica committed, on two goroutines, so that one encodes while the other awaits the
// brokers. When the service ends it publishes what waits and what is still being committed, for a while; a sweeper finds the
// rest.
func (o *outbox) runFresh(ctx context.Context) error {
	publishing, cancel := outlive(ctx, o.timing.Stop)
	defer cancel()
	offered := make(chan struct{})
	go func() { o.offering.Wait(); close(offered) }()
	var publishers, marker sync.WaitGroup
	for range 2 {
		publishers.Go(func() { o.publishUntil(offered, publishing) })
	}
	marker.Go(func() { o.markUntilClosed(ctx.Done()) })
	publishers.Wait()
	close(o.marks)
	marker.Wait()
	return nil
}

// outlive returns a context that ends some time after another.
func outlive(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(d, cancel) })
	return longer, func() { stop(); cancel() }
}

func (o *outbox) publishUntil(stop <-chan struct{}, ctx context.Context) {
	for {
		select {
		case first := <-o.fresh:
			o.publishFresh(ctx, o.collect(first))
		case <-stop:
			select {
			case first := <-o.fresh:
				o.publishFresh(ctx, o.collect(first))
			default:
				return
			}
		}
	}
}

// collect takes what waits already, and leaves out what may be another's by now.
func (o *outbox) collect(first batch) []batch {
	var batches []batch
	orders := 0
	for b := first; ; {
		o.unsent.Add(-int64(len(b.orders)))
		if time.Now().Before(b.until) {
			batches = append(batches, b)
			orders += len(b.orders)
		}
		if orders >= maxPublish {
			return batches
		}
		select {
		case b = <-o.fresh:
		default:
			return batches
		}
	}
}

func (o *outbox) publishFresh(ctx context.Context, batches []batch) {
	var orders []Order
	for _, b := range batches {
		orders = append(orders, b.orders...)
	}
	if len(orders) == 0 {
		return
	}
	errs := o.publish(ctx, orders)
	someOut := slices.Contains(errs, nil)
	var done, unsent []int64
	for _, b := range batches {
		if errors.Join(errs[:len(b.orders)]...) == nil {
			done = append(done, b.id)
			o.metrics.published.Add(float64(len(b.orders)))
		} else {
			unsent = append(unsent, b.id)
		}
		errs = errs[len(b.orders):]
	}
	switch { // the producer has reported why
	case len(unsent) == 0:
	case someOut:
		o.putOff(unsent)
	default:
		o.releaseIDs(unsent)
		o.fallBehind()
	}
	if len(done) > 0 {
		o.marks <- done
	}
}

// markUntilClosed marks publications, many at a time: nobody waits for a mark, and a lost one only costs a repeat.
func (o *outbox) markUntilClosed(stop <-chan struct{}) {
	const together = 50 * time.Millisecond
	for ids := range o.marks {
		select {
		case <-stop:
		case <-time.After(together):
		}
		o.mark(o.moreMarks(ids))
	}
}

func (o *outbox) moreMarks(ids []int64) []int64 {
	for {
		select {
		case more, open := <-o.marks:
			if !open {
				return ids
			}
			ids = append(ids, more...)
		default:
			return ids
		}
	}
}

func (o *outbox) mark(ids []int64) {
	ctx, cancel := context.WithTimeout(context.Background(), o.timing.Place)
	defer cancel()
	o.marking.observe(o.store.MarkPublished(ctx, ids, o.timing.Unanswered))
}

// putOff has publications wait that the brokers did not take while they took others, as where one partition is away: tried at
// once and again, oldest first, they would keep back all that come after them. They are published with the unanswered.
func (o *outbox) putOff(ids []int64) {
	ctx, cancel := context.WithTimeout(context.Background(), o.timing.Place)
	defer cancel()
	o.marking.observe(o.store.MarkPublished(ctx, ids, Backoff{Base: o.timing.Lease, Limit: o.timing.Lease}))
}

// wait waits for a duration or until the context ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
