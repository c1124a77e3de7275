package order_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/order"
	"github.com/openorder/openorder/services/order/storetest"
)

func TestOrdersAreTakenWhileTheBrokerIsGoneAndPublishedOldestFirst(t *testing.T) {
	t.Parallel()
	b := setup(t, quick)
	b.broker.set(true)
	var ids []int64
	for range 200 {
		ids = append(ids, mustPlace(t, b.Service, request(1)))
	}
	b.broker.set(false)
	testenv.Eventually(t, "all are published", func() bool { return len(b.broker.all()) >= len(ids) })
	var published []int64
	for _, o := range b.broker.all() {
		published = append(published, o.ID)
	}
	if !slices.Equal(ids, published) {
		t.Fatalf("published %d of %d, or not oldest first", len(published), len(ids))
	}
	later := mustPlace(t, b.Service, request(1))
	testenv.Eventually(t, "new orders go out again", func() bool { return b.broker.times(later) == 1 })
}

func TestAPartitionThatIsAwayKeepsBackItsOwnOrdersOnly(t *testing.T) {
	t.Parallel()
	timing := quick
	timing.Lease = 100 * time.Millisecond
	b := setup(t, timing)
	b.broker.lose(13)
	var away, others []int64
	for i := range 1200 { // more than are claimed at once
		if i%10 == 0 {
			others = append(others, mustPlace(t, b.Service, request(1)))
		}
		away = append(away, mustPlace(t, b.Service, request(13)))
	}
	areOut := func(ids []int64) func() bool {
		return func() bool {
			return !slices.ContainsFunc(ids, func(id int64) bool { return b.broker.times(id) == 0 })
		}
	}
	testenv.Eventually(t, "the others are published", areOut(others))
	b.broker.lose(0)
	testenv.Eventually(t, "and when it is back, its orders", areOut(away))
}

func TestALongOutageDoesNotPileUpInMemoryAndLosesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, quick)
	b.broker.set(true)
	const orders = 9_000 // more than wait in memory
	var placed sync.WaitGroup
	for range 100 {
		placed.Go(func() {
			for range orders / 100 {
				if _, err := b.Place(context.Background(), request(1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	placed.Wait()
	b.broker.set(false)
	testenv.Eventually(t, "every order is published", func() bool {
		distinct := map[int64]bool{}
		for _, o := range b.broker.all() {
			distinct[o.ID] = true
		}
		return len(distinct) == orders
	})
}

func TestWhatACrashLeftIsPublishedByAnyReplica(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, a, b order.Store) {
		short := quick
		short.Lease = 50 * time.Millisecond
		// A replica that commits and never gets to publishing.
		crashed := prepare(a, &broker{}, short)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go crashed.Tasks()[0](ctx)
		var ids []int64
		for range 3 {
			ids = append(ids, mustPlace(t, crashed.Service, request(1)))
		}
		survivor := prepare(b, &broker{}, short)
		survivor.start(t)
		testenv.Eventually(t, "the other replica publishes", func() bool { return len(survivor.broker.all()) >= 3 })
		for i, o := range survivor.broker.all() {
			if o.ID != ids[i] {
				t.Fatal("not oldest first")
			}
		}
	})
}

func TestAStoppingServicePublishesWhatItTook(t *testing.T) {
	t.Parallel()
	b := setup(t, quick)
	id := mustPlace(t, b.Service, request(1))
	b.stop()
	if b.broker.times(id) != 1 {
		t.Fatalf("published %d times", b.broker.times(id))
	}
	left, err := b.store.ClaimUnpublished(t.Context(), 10, 0)
	if err != nil || len(left) != 0 {
		t.Fatalf("not marked: %v, %v", left, err)
	}
}

func TestAnUnansweredOrderIsPublishedAgainWithTheSameEvent(t *testing.T) {
	t.Parallel()
	timing := quick
	timing.Unanswered = order.Backoff{Base: 20 * time.Millisecond, Limit: 40 * time.Millisecond}
	b := setup(t, timing)
	answered, silent := mustPlace(t, b.Service, request(1)), mustPlace(t, b.Service, request(2))
	mustReport(t, b.Service, report(mustGet(t, b.Service, answered), order.WasReserved, "outcome"))
	testenv.Eventually(t, "the silent order is published again and again", func() bool { return b.broker.times(silent) >= 4 })
	mustReport(t, b.Service, report(mustGet(t, b.Service, silent), order.DeadLettered, "letter"))
	testenv.Eventually(t, "nothing is left to publish", func() bool {
		left, err := b.store.ClaimUnanswered(t.Context(), 10, 0)
		return err == nil && len(left) == 0 && b.broker.times(silent) > 0
	})
	for _, o := range b.broker.all() {
		if want := mustGet(t, b.Service, o.ID); o.EventID != want.EventID || o.Items[0] != (event.Item{SKU: "ABC-001", Qty: 2}) {
			t.Fatalf("published %+v, want %+v", o, want)
		}
	}
}
