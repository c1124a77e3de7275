package order

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// slowly finds every order below 1,000, a second after it was asked, and remembers the questions.
type slowly struct {
	mu    sync.Mutex
	asked [][]int64
	err   error
}

func (s *slowly) find(ctx context.Context, ids []int64) ([]Order, error) {
	s.mu.Lock()
	s.asked = append(s.asked, slices.Sorted(slices.Values(ids)))
	s.mu.Unlock()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var found []Order
	for _, id := range ids {
		if id < 1000 {
			found = append(found, Order{ID: id})
		}
	}
	return found, s.err
}

func TestThoseWhoLookMeanwhileShareTheNextQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowly{}
		lookups := newLookups(store.find, time.Minute)
		var callers sync.WaitGroup
		look := func(id int64, wantExists bool) {
			callers.Go(func() {
				order, exists, err := lookups.get(t.Context(), id)
				if err != nil || exists != wantExists || exists && order.ID != id {
					t.Errorf("order %d: %+v, %t, %v", id, order, exists, err)
				}
			})
			synctest.Wait()
		}
		for id := range int64(lookupsAtOnce) {
			look(1+id, true) // these set out at once
		}
		for id := range int64(50) {
			look(100+id, true)
		}
		look(5000, false)
		look(100, true) // twice the same
		callers.Wait()
		if got := len(store.asked); got != lookupsAtOnce+1 {
			t.Fatalf("%d questions, want %d: %v", got, lookupsAtOnce+1, store.asked)
		}
		if got := len(store.asked[lookupsAtOnce]); got != 52 {
			t.Errorf("the last question is for %d orders, want 52", got)
		}
	})
}

func TestALookBeginsAfterItsCallerAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowly{}
		lookups := newLookups(store.find, time.Minute)
		var callers sync.WaitGroup
		for range 2 { // the second comes while the first's question is with the store
			callers.Go(func() { _, _, _ = lookups.get(t.Context(), 7) })
			synctest.Wait()
		}
		callers.Wait()
		if len(store.asked) != 2 {
			t.Errorf("%d questions: the second caller got an answer from before it asked", len(store.asked))
		}
	})
}

func TestALookThatIsGivenUpEndsNobodyElses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lookups := newLookups((&slowly{}).find, time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() { _, _, err := lookups.get(ctx, 7); gone <- err }()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("the caller who gave up got %v", err)
		}
		if _, exists, err := lookups.get(t.Context(), 7); !exists || err != nil {
			t.Errorf("the other got %t, %v", exists, err)
		}
	})
}

func TestAStoreThatDoesNotAnswerIsNotWaitedForWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lookups := newLookups(func(ctx context.Context, _ []int64) ([]Order, error) { <-ctx.Done(); return nil, ctx.Err() }, time.Minute)
		if _, _, err := lookups.get(t.Context(), 7); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// A store that is frozen takes bound for each question, while questions come in faster.
func TestWhatNobodyWaitsForAnyMoreIsNotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bound = 3 * time.Second
		thaw := time.Now().Add(time.Minute)
		var asked atomic.Int64
		lookups := newLookups(func(ctx context.Context, _ []int64) ([]Order, error) {
			if time.Now().Before(thaw) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			asked.Add(1)
			time.Sleep(100 * time.Millisecond)
			return nil, nil
		}, bound)
		for time.Now().Before(thaw) {
			for id := range int64(5 * maxLookup) {
				lookups.join(id)
			}
			time.Sleep(time.Second)
		}
		ctx, cancel := context.WithTimeout(t.Context(), bound)
		defer cancel()
		if _, _, err := lookups.get(ctx, 7); err != nil {
			t.Errorf("after %d questions: %v", asked.Load(), err)
		}
		time.Sleep(time.Minute)
	})
}

func TestAStoresErrorIsEverybodys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		lookups := newLookups((&slowly{err: broken}).find, time.Minute)
		var callers sync.WaitGroup
		for id := range int64(5) {
			callers.Go(func() {
				if _, _, err := lookups.get(t.Context(), id); !errors.Is(err, broken) {
					t.Errorf("order %d: %v", id, err)
				}
			})
		}
		callers.Wait()
	})
}
