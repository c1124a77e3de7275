package order

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// committer gathers concurrent requests into groups and keeps each group in one transaction: while one is on its way to the
// disk, the next gathers.
type committer struct {
	store   Inserter
	outbox  *outbox
	ids     *ids
	metrics *metrics
	log     *slog.Logger
	timing  Timing
	queue   chan *waiting
	turn    chan struct{} // held while a group is on its way
	crowd   atomic.Int64  // requests in the last group

	mu       sync.Mutex
	inFlight map[[32]byte]struct{} // idempotency keys of requests not answered yet
}

// waiting is a request on its way.
type waiting struct {
	draft Draft
	key   *Key
	trace string

	claimed  atomic.Bool // by the committer that puts it into a group, or by a caller who abandons it
	order    Order       // set by the committer
	id       int64
	err      error
	answered chan struct{}
}

func newCommitter(store Store, out *outbox, m *metrics, log *slog.Logger, timing Timing) *committer {
	return &committer{
		store: store, outbox: out, metrics: m, log: log, timing: timing,
		ids:      &ids{source: store, now: time.Now},
		queue:    make(chan *waiting, maxQueued),
		turn:     make(chan struct{}, 1),
		inFlight: map[[32]byte]struct{}{},
	}
}

func (c *committer) enqueue(w *waiting) error {
	if w.key != nil {
		c.mu.Lock()
		_, busy := c.inFlight[w.key.Hash]
		c.inFlight[w.key.Hash] = struct{}{}
		c.mu.Unlock()
		if busy {
			return ErrKeyInFlight
		}
	}
	select {
	case c.queue <- w:
		return nil
	default:
		c.release(w)
		return ErrOverloaded
	}
}

// abandon answers a request that is in no group yet. One that is stays in it.
func (c *committer) abandon(w *waiting, err error) {
	if w.claimed.CompareAndSwap(false, true) {
		c.answer(w, 0, err)
	}
}

func (c *committer) answer(w *waiting, id int64, err error) {
	c.release(w)
	w.id, w.err = id, err
	close(w.answered)
}

func (c *committer) release(w *waiting) {
	if w.key != nil {
		c.mu.Lock()
		delete(c.inFlight, w.key.Hash)
		c.mu.Unlock()
	}
}

// A group costs the database nearly the same whether it is small or large, so there should be few.
const (
	slow    = 20 * time.Millisecond  // once a group has taken so long, the next no longer waits for it
	crowded = 16                     // a group of so many is followed by one that waits for company
	company = 500 * time.Microsecond // for so long
)

// run commits groups until the context has ended and nothing waits. Two run.
func (c *committer) run(ctx context.Context) error {
	for {
		select {
		case first := <-c.queue:
			c.commitInTurn(first)
		case <-ctx.Done():
			select {
			case first := <-c.queue:
				c.commitInTurn(first)
			default:
				return nil
			}
		}
	}
}

// commitInTurn commits the group that has gathered when the one before is done, or is slow.
func (c *committer) commitInTurn(first *waiting) {
	patience := time.NewTimer(slow)
	defer patience.Stop()
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-patience.C:
	}
	if c.crowd.Load() >= crowded {
		time.Sleep(company)
	}
	group := c.gather(first)
	c.crowd.Store(int64(len(group)))
	c.commit(group)
}

// gather takes what waits already.
func (c *committer) gather(first *waiting) []*waiting {
	group := make([]*waiting, 0, 64)
	for w := first; ; {
		if w.claimed.CompareAndSwap(false, true) {
			group = append(group, w)
		}
		if len(group) == maxGroup {
			return group
		}
		select {
		case w = <-c.queue:
		default:
			return group
		}
	}
}

// commit answers every request of a group. Its context is its own: a client that hangs up cancels nobody's order.
func (c *committer) commit(group []*waiting) {
	if len(group) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.timing.Place)
	defer cancel()
	first, err := c.ids.take(ctx, int64(len(group)))
	if err != nil {
		c.giveUp(group, false, err)
		return
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i, w := range group {
		w.order = Order{
			ID: first + int64(i), EventID: uuid.New(), UserID: w.draft.UserID, Items: w.draft.Items,
			CreatedAt: now, TraceParent: w.trace, Status: Pending,
		}
	}
	start := time.Now()
	c.keep(ctx, group, false)
	c.metrics.groupSize.Observe(float64(len(group)))
	c.metrics.groupTime.Observe(time.Since(start).Seconds())
}

// keep stores a group, trying again while there is time. The orders keep their ids: if an earlier attempt was committed
// after all, it is found, or the repeat is refused as a duplicate and then found.
func (c *committer) keep(ctx context.Context, group []*waiting, sent bool) {
	for pause := 25 * time.Millisecond; ; pause *= 2 {
		err := c.insert(ctx, group)
		if err == nil {
			return
		}
		refused := errors.Is(err, ErrRefused)
		sent = sent || errors.Is(err, ErrUncertain)
		if sent {
			missing, lookErr := c.look(group)
			if lookErr != nil {
				err, refused = errors.Join(err, lookErr), false
			}
			group = missing
		}
		switch {
		case len(group) == 0:
			return
		case refused && len(group) > 1:
			c.keep(ctx, group[:len(group)/2], sent)
			c.keep(ctx, group[len(group)/2:], sent)
			return
		case refused:
			c.answer(group[0], 0, err)
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			c.giveUp(group, sent, err)
			return
		}
	}
}

// insert stores a group and answers it, or returns an error and answers nobody.
func (c *committer) insert(ctx context.Context, group []*waiting) error {
	placements := make([]Placement, len(group))
	for i, w := range group {
		placements[i] = Placement{Order: w.order, Key: w.key}
	}
	lease := c.outbox.lease()
	taken, err := c.store.Insert(ctx, placements, lease)
	if err != nil {
		return err
	}
	orders := make([]Order, 0, len(group))
	for _, w := range group {
		owner, used := Owner{}, false
		if w.key != nil {
			owner, used = taken[w.key.Hash]
		}
		switch {
		case !used:
			orders = append(orders, w.order)
			c.answer(w, w.order.ID, nil)
		case owner.Fingerprint == w.key.Fingerprint:
			c.answer(w, owner.OrderID, nil)
		default:
			c.answer(w, 0, ErrKeyReused)
		}
	}
	c.metrics.accepted.Add(float64(len(orders)))
	c.outbox.offer(orders, lease)
	return nil
}

// look answers the orders of a group that were committed after all, and returns the others. It has time of its own, so
// that even a commit that used its up is looked for. What it finds is published by a sweeper, once the lease is over.
func (c *committer) look(group []*waiting) ([]*waiting, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	ids := make([]int64, len(group))
	for i, w := range group {
		ids[i] = w.order.ID
	}
	found, err := c.store.Find(ctx, ids)
	if err != nil {
		return group, fmt.Errorf("look for orders whose commit was not answered: %w", err)
	}
	events := make(map[int64]uuid.UUID, len(found))
	for _, order := range found {
		events[order.ID] = order.EventID
	}
	var missing []*waiting
	for _, w := range group {
		if events[w.order.ID] == w.order.EventID {
			c.metrics.accepted.Inc()
			c.answer(w, w.order.ID, nil)
		} else {
			missing = append(missing, w)
		}
	}
	return missing, nil
}

func (c *committer) giveUp(group []*waiting, sent bool, err error) {
	verdict := ErrUnavailable
	if sent {
		verdict = ErrMaybeTaken
	}
	c.log.Warn("orders were turned away", "orders", len(group), "maybe_taken", sent, "error", err)
	for _, w := range group {
		c.answer(w, 0, fmt.Errorf("%w: %w", verdict, err))
	}
}
