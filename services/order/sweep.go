package order

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// runUnpublished publishes what is overdue: as fast as the brokers take it while there is any.
func (o *outbox) runUnpublished(ctx context.Context) error {
	for ctx.Err() == nil {
		more, err := o.sweep(ctx)
		if ctx.Err() != nil {
			return nil
		}
		o.sweeping.observe(err)
		if more && err == nil {
			continue
		}
		if err == nil && o.calmed() {
			o.behind.Store(false)
		}
		select {
		case <-ctx.Done():
		case <-o.failed:
			wait(ctx, o.timing.Sweep/4)
		case <-time.After(o.timing.Sweep):
		}
	}
	return nil
}

// calmed tells whether what failed may be claimed by now.
func (o *outbox) calmed() bool {
	calm := o.calm.Load()
	return calm == nil || time.Now().After(*calm)
}

// sweep publishes one claim of overdue publications and tells whether there may be more.
func (o *outbox) sweep(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	claimed, err := o.store.ClaimUnpublished(ctx, maxClaim, o.claimLease())
	if err != nil || len(claimed) == 0 {
		return false, err
	}
	o.behind.Store(true)
	published, err := o.send(ctx, claimed, nil)
	o.metrics.published.Add(float64(published))
	return true, err
}

// runUnanswered publishes again what nobody has answered, after everything that was never published.
func (o *outbox) runUnanswered(ctx context.Context) error {
	return every(ctx, o.timing.Sweep, func() {
		for more := true; more && ctx.Err() == nil && !o.behind.Load(); {
			var err error
			more, err = o.sweepUnanswered(ctx)
			if ctx.Err() == nil {
				o.unanswered.observe(err)
			}
		}
	})
}

// sweepUnanswered publishes one claim of unanswered publications and tells whether there may be more.
func (o *outbox) sweepUnanswered(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	claimed, err := o.store.ClaimUnanswered(ctx, maxClaim, o.claimLease())
	if err != nil || len(claimed) == 0 {
		return false, err
	}
	published, err := o.send(ctx, claimed, o.limit.WaitN)
	o.metrics.republished.Add(float64(published))
	return err == nil, err
}

// send publishes the PENDING orders of claimed publications, chunk by chunk, and returns how many. throttle may be nil. What
// it does not get to is released, so that it is the next to be claimed.
func (o *outbox) send(ctx context.Context, claimed []Publication, throttle func(context.Context, int) error) (int, error) {
	published := 0
	deadline := time.Now().Add(o.claimLease() * 2 / 3)
	for len(claimed) > 0 && time.Now().Before(deadline) {
		chunk := chunkOf(claimed)
		n, unsent, err := o.sendChunk(ctx, chunk, throttle)
		published += n
		claimed = claimed[len(chunk):]
		if err != nil {
			o.release(append(unsent, claimed...))
			return published, err
		}
	}
	o.release(claimed)
	return published, nil
}

// chunkOf is the first publications that are not too many orders to publish at once.
func chunkOf(claimed []Publication) []Publication {
	orders := 0
	for i, p := range claimed {
		orders += len(p.OrderIDs)
		if i > 0 && orders > maxPublish {
			return claimed[:i]
		}
	}
	return claimed
}

// sendChunk publishes the PENDING orders of a chunk, and marks its publications, or forgets those that are answered. It
// returns how many orders were published, and with an error the publications that were not.
func (o *outbox) sendChunk(ctx context.Context, chunk []Publication, throttle func(context.Context, int) error) (int, []Publication, error) {
	var ids []int64
	for _, p := range chunk {
		ids = append(ids, p.OrderIDs...)
	}
	pending, err := o.store.FindPending(ctx, ids)
	if err == nil && throttle != nil && len(pending) > 0 {
		err = throttle(ctx, len(pending))
	}
	if err != nil {
		return 0, chunk, err
	}
	failed := map[int64]error{}
	if len(pending) > 0 {
		for i, err := range o.publish(ctx, pending) {
			if err != nil {
				failed[pending[i].ID] = err
			}
		}
	}
	unsent, err := o.settle(ctx, chunk, pending, failed)
	if len(failed) < len(pending) && len(unsent) > 0 {
		o.putOff(idsOf(unsent))
		return len(pending) - len(failed), nil, err
	}
	for _, failure := range failed {
		err = errors.Join(failure, err) // one tells enough
		break
	}
	return len(pending) - len(failed), unsent, err
}

// settle marks or forgets the publications of a chunk, and returns those with a failure.
func (o *outbox) settle(ctx context.Context, chunk []Publication, pending []Order, failed map[int64]error) ([]Publication, error) {
	var done, answered []int64
	var unsent []Publication
	for _, p := range chunk {
		isOpen := func(id int64) bool {
			_, found := slices.BinarySearchFunc(pending, id, func(order Order, id int64) int { return cmp.Compare(order.ID, id) })
			return found
		}
		hasFailed := func(id int64) bool { return failed[id] != nil }
		switch {
		case slices.ContainsFunc(p.OrderIDs, hasFailed):
			unsent = append(unsent, p)
		case slices.ContainsFunc(p.OrderIDs, isOpen):
			done = append(done, p.ID)
		default:
			answered = append(answered, p.ID)
		}
	}
	var err error
	if len(done) > 0 {
		err = o.store.MarkPublished(ctx, done, o.timing.Unanswered)
	}
	if len(answered) > 0 {
		err = errors.Join(err, o.store.Forget(ctx, answered))
	}
	return unsent, err
}

// release gives publications back. Where that fails, they are claimed when their lease is over.
func (o *outbox) release(publications []Publication) {
	o.releaseIDs(idsOf(publications))
}

func idsOf(publications []Publication) []int64 {
	ids := make([]int64, len(publications))
	for i, p := range publications {
		ids[i] = p.ID
	}
	return ids
}

func (o *outbox) releaseIDs(ids []int64) {
	if len(ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.timing.Place)
	defer cancel()
	_ = o.store.Release(ctx, ids) // at worst the leases run out
}

// runAge shows how old the oldest unpublished order is, also while a sweep waits for the brokers.
func (o *outbox) runAge(ctx context.Context) error {
	return every(ctx, o.timing.Sweep, func() {
		oldest, err := o.store.OldestUnpublished(ctx)
		switch {
		case err != nil: // what fails here fails in the sweep, too, which says so
		case oldest.IsZero():
			o.metrics.unpublishedAge.Set(0)
		default:
			o.metrics.unpublishedAge.Set(time.Since(oldest).Seconds())
		}
	})
}

// clockSlack is how far the clocks of two database servers may be apart before a failover counts as a jump.
const clockSlack = time.Minute

// runRecall finds publications that a clock which went back has put off by as much.
func (o *outbox) runRecall(ctx context.Context) error {
	again := Backoff{Base: o.timing.Unanswered.Base + clockSlack, Limit: o.timing.Unanswered.Limit + clockSlack}
	return every(ctx, o.timing.SweepKeys, func() {
		recalled, err := o.store.Recall(ctx, o.claimLease()+clockSlack, again)
		if ctx.Err() != nil {
			return
		}
		o.recalling.observe(err)
		if recalled > 0 {
			o.log.Warn("the database's clock went back: what it put off is published now", "publications", recalled)
		}
	})
}
