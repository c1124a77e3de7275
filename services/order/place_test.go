package order_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/order"
)

func TestAPlacedOrderIsDurableAndPublished(t *testing.T) {
	t.Parallel()
	b := setup(t, quick)
	r := request(42)
	r.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	id := mustPlace(t, b.Service, r)
	o := mustGet(t, b.Service, id)
	if o.Status != order.Pending || o.UserID != 42 || o.TraceParent != r.TraceParent || time.Since(o.CreatedAt) > time.Minute {
		t.Fatalf("%+v", o)
	}
	testenv.Eventually(t, "the order is published once", func() bool { return b.broker.times(id) == 1 })
}

// block makes every Insert wait, and returns what lets the waiting ones, and those to come, go on.
func block(b *bundle) (entered chan int, release func()) {
	entered = make(chan int, 10_000)
	gate := make(chan struct{})
	b.store.insert = func(ctx context.Context, group []order.Placement, lease time.Duration) (map[[32]byte]order.Owner, error) {
		entered <- len(group)
		select {
		case <-gate:
			return b.store.Store.Insert(ctx, group, lease)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return entered, sync.OnceFunc(func() { close(gate) })
}

func TestARefusedRequestFailsAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, quick)
	const culprit = 13
	entered, release := block(b)
	blocked := b.store.insert
	b.store.insert = func(ctx context.Context, group []order.Placement, lease time.Duration) (map[[32]byte]order.Owner, error) {
		for _, p := range group {
			if p.Order.UserID == culprit {
				return nil, fmt.Errorf("insert: %w", order.ErrRefused)
			}
		}
		return blocked(ctx, group, lease)
	}
	var placed sync.WaitGroup
	errs := make([]error, 40)
	for i := range errs {
		placed.Go(func() { _, errs[i] = b.Place(context.Background(), request(int64(i+1))) })
		if i < 2 {
			<-entered
		}
	}
	release()
	placed.Wait()
	for i, err := range errs {
		if refused := errors.Is(err, order.ErrRefused); refused != (i+1 == culprit) || (err != nil && !refused) {
			t.Errorf("request %d: %v", i+1, err)
		}
	}
}

func TestAClientThatHangsUpCancelsNobody(t *testing.T) {
	t.Parallel()
	b := setup(t, quick)
	entered, release := block(b)
	ctx, hangUp := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() { _, err := b.Place(ctx, request(77)); gone <- err }()
	<-entered
	hangUp()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	release()
	testenv.Eventually(t, "the order is kept", func() bool {
		kept, err := b.List(t.Context(), order.Query{UserID: 77, Limit: 10})
		return err == nil && len(kept) == 1
	})
}

func TestACommitWhoseAnswerWasLostIsLookedUp(t *testing.T) {
	t.Parallel()
	for name, committed := range map[string]bool{"committed": true, "not committed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, quick)
			var attempts atomic.Int64
			b.store.insert = func(ctx context.Context, group []order.Placement, lease time.Duration) (map[[32]byte]order.Owner, error) {
				if attempts.Add(1) > 1 {
					return b.store.Store.Insert(ctx, group, lease)
				}
				if committed {
					if _, err := b.store.Store.Insert(ctx, group, lease); err != nil {
						return nil, err
					}
				}
				return nil, fmt.Errorf("%w: connection reset", order.ErrUncertain)
			}
			id := mustPlace(t, b.Service, request(1))
			kept, err := b.List(t.Context(), order.Query{Limit: 10})
			if err != nil || len(kept) != 1 || kept[0].ID != id {
				t.Fatalf("want order %d once, got %v, %v", id, kept, err)
			}
		})
	}
}

func TestACommitThatLandsWhileItIsRepeated(t *testing.T) {
	t.Parallel()
	b := setup(t, quick)
	var attempts atomic.Int64
	var delayed []order.Placement
	b.store.insert = func(ctx context.Context, group []order.Placement, lease time.Duration) (map[[32]byte]order.Owner, error) {
		switch attempts.Add(1) {
		case 1:
			delayed = group
			return nil, fmt.Errorf("%w: timeout", order.ErrUncertain)
		case 2:
			if _, err := b.store.Store.Insert(ctx, delayed, lease); err != nil {
				return nil, err
			}
		}
		return b.store.Store.Insert(ctx, group, lease) // refused as a duplicate
	}
	id := mustPlace(t, b.Service, request(1))
	mustGet(t, b.Service, id)
}

func TestWhileTheDatabaseIsDownOrdersAreTurnedAwayInTime(t *testing.T) {
	t.Parallel()
	timing := quick
	timing.Place = 50 * time.Millisecond
	down := errors.New("connection refused")
	for name, hook := range map[string]func(*hooked){
		"no ids": func(h *hooked) { h.claim = func(context.Context, int64) (int64, error) { return 0, down } },
		"no insert": func(h *hooked) {
			h.insert = func(context.Context, []order.Placement, time.Duration) (map[[32]byte]order.Owner, error) {
				return nil, down
			}
		},
		"no answer": func(h *hooked) {
			h.claim = func(ctx context.Context, _ int64) (int64, error) { <-ctx.Done(); return 0, ctx.Err() }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, timing)
			hook(b.store)
			var placed sync.WaitGroup
			for range 50 {
				placed.Go(func() {
					if _, err := b.Place(context.Background(), request(1)); !errors.Is(err, order.ErrUnavailable) {
						t.Error(err)
					}
				})
			}
			placed.Wait()
		})
	}
}

func TestOverloadIsTurnedAwayAtOnce(t *testing.T) {
	t.Parallel()
	timing := quick
	timing.Place = time.Minute
	b := setup(t, timing)
	entered, release := block(b)
	var placed sync.WaitGroup
	var taken, overloaded atomic.Int64
	for i := range 6000 {
		placed.Go(func() {
			_, err := b.Place(context.Background(), request(1))
			switch {
			case err == nil:
				taken.Add(1)
			case errors.Is(err, order.ErrOverloaded):
				overloaded.Add(1)
			default:
				t.Error(err)
			}
		})
		if i < 2 {
			<-entered
		}
	}
	testenv.Eventually(t, "what is too much is turned away", func() bool { return overloaded.Load() >= 6000-2-4096 })
	release()
	placed.Wait()
	if taken.Load()+overloaded.Load() != 6000 || taken.Load() < 4096 {
		t.Fatalf("%d taken, %d turned away", taken.Load(), overloaded.Load())
	}
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	b := setup(t, quick)
	first := request(1)
	first.IdempotencyKey = "k"
	id := mustPlace(t, b.Service, first)
	if again := mustPlace(t, b.Service, first); again != id {
		t.Fatalf("the same key and content made order %d and order %d", id, again)
	}
	split := first // the same once merged
	split.Draft.Items = event.Items{{SKU: "ABC-001", Qty: 1}, {SKU: "ABC-001", Qty: 1}}
	if again := mustPlace(t, b.Service, split); again != id {
		t.Fatal("the same content, written otherwise, made another order")
	}
	for name, other := range map[string]order.Draft{
		"user": {UserID: 2, Items: first.Draft.Items},
		"qty":  {UserID: 1, Items: event.Items{{SKU: "ABC-001", Qty: 3}}},
		"sku":  {UserID: 1, Items: event.Items{{SKU: "ABC-002", Qty: 2}}},
	} {
		if _, err := b.Place(t.Context(), order.Request{Draft: other, IdempotencyKey: "k"}); !errors.Is(err, order.ErrKeyReused) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	all, err := b.List(t.Context(), order.Query{Limit: 10})
	if err != nil || len(all) != 1 {
		t.Fatalf("%d orders, %v", len(all), err)
	}
	testenv.Eventually(t, "the one order is published", func() bool { return len(b.broker.all()) == 1 })
}

func TestAKeyInFlight(t *testing.T) {
	t.Parallel()
	b := setup(t, quick)
	entered, release := block(b)
	r := request(1)
	r.IdempotencyKey = "k"
	placed := make(chan error)
	go func() { _, err := b.Place(context.Background(), r); placed <- err }()
	<-entered
	if _, err := b.Place(t.Context(), r); !errors.Is(err, order.ErrKeyInFlight) {
		t.Fatal(err)
	}
	release()
	if err := <-placed; err != nil {
		t.Fatal(err)
	}
	mustPlace(t, b.Service, r)
}

func TestExpiredKeysAreDeleted(t *testing.T) {
	t.Parallel()
	timing := quick
	timing.KeepKeys, timing.SweepKeys = time.Nanosecond, 5*time.Millisecond
	b := setup(t, timing)
	r := request(1)
	r.IdempotencyKey = "k"
	first := mustPlace(t, b.Service, r)
	testenv.Eventually(t, "the key is free again", func() bool { return mustPlace(t, b.Service, r) != first })
}
