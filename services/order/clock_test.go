package order_test

import (
	"context"
	"testing"
	"time"

	"github.com/openorder/openorder/services/order"
	"github.com/openorder/openorder/services/order/storetest"
)

// timed is a store whose clock is a test's, and that tells of deletions.
type timed struct {
	order.Store
	now     func() time.Time
	deleted chan time.Time
}

func (s *timed) Clock(context.Context) (time.Time, error) { return s.now(), nil }

func (s *timed) DeleteKeys(_ context.Context, before time.Time, _ int) (int, error) {
	s.deleted <- before
	return 0, nil
}

// To a clock that is set ten hours ahead, keys of this morning are of yesterday.
func TestIdempotencyKeysAreNotDeletedByAClockThatJumped(t *testing.T) {
	t.Parallel()
	inner, _ := storetest.SQLite(t)
	var looks int
	looked := make(chan struct{}, 1000)
	store := &timed{Store: inner, deleted: make(chan time.Time, 1000)}
	store.now = func() time.Time {
		looks++
		looked <- struct{}{}
		if looks > 3 {
			return time.Now().Add(10 * time.Hour)
		}
		return time.Now()
	}
	timing := quick
	timing.SweepKeys, timing.KeepKeys = time.Millisecond, 24*time.Hour
	b := prepare(store, &broker{}, timing)
	b.start(t)
	for range 10 {
		<-looked
	}
	b.stop()
	if n := len(store.deleted); n != 3 {
		t.Errorf("expired keys were deleted %d times, want 3: not after the clock had jumped", n)
	}
}

func TestAnIDIsNeverGivenOutTwiceWhenTheClockGoesBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, store, _ order.Store) {
		const tenHours = 10 * 60 * 60 * 1000 << 12
		// As many ids as a clock ten hours ahead would skip: what is claimed next is ahead of the clock.
		first, err := store.ClaimIDs(t.Context(), tenHours)
		if err != nil {
			t.Fatal(err)
		}
		next, err := store.ClaimIDs(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if next != first+tenHours {
			t.Errorf("claimed %d after %d to %d", next, first, first+tenHours-1)
		}
	})
}
