package storetest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/order"
)

func leases(t *testing.T, a, b order.Store) {
	mine := insertedFor(t, a, 2, time.Hour)
	overdue := insertedFor(t, a, 2, 0)
	claimed, err := b.ClaimUnpublished(t.Context(), 10, time.Hour)
	must(t, err)
	if diff := cmp.Diff([]order.Publication{{ID: overdue[0].ID, OrderIDs: idsOf(overdue)}}, claimed); diff != "" {
		t.Fatal("want what is not", mine[0].ID, "diff:", diff)
	}
	claimed, err = a.ClaimUnpublished(t.Context(), 10, time.Hour)
	must(t, err)
	if len(claimed) != 0 {
		t.Fatal("what is leased was claimed again")
	}
}

func claimsAreExclusive(t *testing.T, a, b order.Store) {
	const groups = 60
	var want []int64
	for range groups {
		want = append(want, inserted(t, a, 1)[0].ID)
	}
	var mu sync.Mutex
	var got []int64
	var replicas sync.WaitGroup
	for _, s := range []order.Store{a, b} {
		replicas.Go(func() {
			for {
				claimed, err := s.ClaimUnpublished(context.Background(), 7, time.Hour)
				if err != nil {
					t.Error(err)
				}
				if len(claimed) == 0 {
					return
				}
				if !slices.IsSortedFunc(claimed, func(p, q order.Publication) int { return int(p.ID - q.ID) }) {
					t.Error("not oldest first")
				}
				mu.Lock()
				for _, p := range claimed {
					got = append(got, p.ID)
				}
				mu.Unlock()
			}
		})
	}
	replicas.Wait()
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func backsOff(t *testing.T, a, _ order.Store) {
	group := inserted(t, a, 2)
	id := group[0].ID
	must(t, a.MarkPublished(t.Context(), []int64{id}, order.Backoff{Base: time.Millisecond, Limit: time.Hour}))
	unpublished, err := a.ClaimUnpublished(t.Context(), 10, 0)
	must(t, err)
	if len(unpublished) != 0 {
		t.Fatal("what was published is still unpublished")
	}
	claim := func() (claimed []order.Publication) {
		testenv.Eventually(t, "the publication is due again", func() bool {
			var err error
			claimed, err = a.ClaimUnanswered(t.Context(), 10, time.Hour)
			must(t, err)
			return len(claimed) > 0
		})
		return claimed
	}
	if diff := cmp.Diff([]order.Publication{{ID: id, OrderIDs: idsOf(group), Attempts: 1}}, claim()); diff != "" {
		t.Fatal(diff)
	}
	// The second delay is twice the first: with a base of half an hour it is the limit, an hour, and far away.
	must(t, a.MarkPublished(t.Context(), []int64{id}, order.Backoff{Base: 30 * time.Minute, Limit: time.Hour}))
	if none, err := a.ClaimUnanswered(t.Context(), 10, 0); err != nil || len(none) != 0 {
		t.Fatalf("due again at once: %v %v", none, err)
	}
	// Many attempts later the delay is still the limit, not an overflow.
	for range 70 {
		must(t, a.MarkPublished(t.Context(), []int64{id}, order.Backoff{Base: time.Hour, Limit: time.Millisecond}))
	}
	if got := claim()[0].Attempts; got != 72 {
		t.Fatalf("%d attempts, want 72", got)
	}
	must(t, a.Forget(t.Context(), []int64{id}))
	must(t, a.Release(t.Context(), []int64{id}))
	if none, err := a.ClaimUnanswered(t.Context(), 10, 0); err != nil || len(none) != 0 {
		t.Fatalf("forgotten, and claimed: %v %v", none, err)
	}
}

func releases(t *testing.T, a, b order.Store) {
	group := insertedFor(t, a, 1, time.Hour)
	must(t, a.Release(t.Context(), []int64{group[0].ID}))
	claimed, err := b.ClaimUnpublished(t.Context(), 10, time.Hour)
	must(t, err)
	if len(claimed) != 1 {
		t.Fatalf("claimed %d, want the one released", len(claimed))
	}
}

// Leases and waits of hours are what those of minutes look like to a clock that went back by hours.
func recalls(t *testing.T, a, b order.Store) {
	leased, inTime := insertedFor(t, a, 1, 5*time.Hour)[0], insertedFor(t, a, 1, time.Minute)[0]
	published, waiting := inserted(t, a, 1)[0], inserted(t, a, 1)[0]
	must(t, a.MarkPublished(t.Context(), []int64{published.ID}, order.Backoff{Base: 5 * time.Hour, Limit: 5 * time.Hour}))
	hourly := order.Backoff{Base: time.Hour, Limit: time.Hour}
	must(t, a.MarkPublished(t.Context(), []int64{waiting.ID}, hourly))
	recalled, err := b.Recall(t.Context(), 2*time.Minute, order.Backoff{Base: time.Hour + time.Minute, Limit: 2 * time.Hour})
	must(t, err)
	if recalled != 2 {
		t.Errorf("%d recalled, want the 2 that the clock put off", recalled)
	}
	claimed, err := a.ClaimUnpublished(t.Context(), 10, time.Hour)
	must(t, err)
	if len(claimed) != 1 || claimed[0].ID != leased.ID {
		t.Errorf("unpublished %v, want %d and not %d", claimed, leased.ID, inTime.ID)
	}
	claimed, err = a.ClaimUnanswered(t.Context(), 10, time.Hour)
	must(t, err)
	if len(claimed) != 1 || claimed[0].ID != published.ID {
		t.Errorf("unanswered %v, want %d and not %d", claimed, published.ID, waiting.ID)
	}
}

func findPending(t *testing.T, a, _ order.Store) {
	group := inserted(t, a, 4)
	_, err := a.Apply(t.Context(), []order.Report{reserved(group[1]), rejected(group[2])})
	must(t, err)
	ids := idsOf(group)
	slices.Reverse(ids)
	pending, err := a.FindPending(t.Context(), ids)
	must(t, err)
	if diff := cmp.Diff([]order.Order{group[0], group[3]}, pending); diff != "" {
		t.Fatal(diff)
	}
}

func oldest(t *testing.T, a, _ order.Store) {
	expect := func(want time.Time) {
		t.Helper()
		got, err := a.OldestUnpublished(t.Context())
		must(t, err)
		if !got.Equal(want) {
			t.Fatalf("oldest is of %s, want %s", got, want)
		}
	}
	expect(time.Time{})
	first, second := insertedFor(t, a, 1, time.Hour)[0], insertedFor(t, a, 1, 0)[0]
	expect(first.CreatedAt)
	must(t, a.MarkPublished(t.Context(), []int64{first.ID}, order.Backoff{Base: time.Hour, Limit: time.Hour}))
	expect(second.CreatedAt)
}
