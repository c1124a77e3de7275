package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/order"
)

func idsAreUnique(t *testing.T, a, b order.Store) {
	const claims, block = 50, 64
	var mu sync.Mutex
	var firsts []int64
	var replicas sync.WaitGroup
	before := order.FirstID(time.Now().Add(-time.Second))
	for _, s := range []order.Store{a, b} {
		replicas.Go(func() {
			last := int64(0)
			for range claims {
				first, err := s.ClaimIDs(context.Background(), block)
				mu.Lock()
				firsts = append(firsts, first)
				mu.Unlock()
				if err != nil || first <= last {
					t.Errorf("claimed %d after %d: %v", first, last, err)
				}
				last = first
			}
		})
	}
	replicas.Wait()
	slices.Sort(firsts)
	for i, first := range firsts {
		if i > 0 && first < firsts[i-1]+block {
			t.Fatalf("block %d overlaps block %d", first, firsts[i-1])
		}
	}
	after := order.FirstID(time.Now().Add(time.Second))
	if firsts[0] < before || firsts[len(firsts)-1] > after {
		t.Fatalf("ids from %d to %d do not carry time: want %d to %d", firsts[0], firsts[len(firsts)-1], before, after)
	}
}

func insertedIsFound(t *testing.T, a, b order.Store) {
	group := placed(t, a, 3)
	group[1].Order.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	taken, err := a.Insert(t.Context(), group, time.Minute)
	must(t, err)
	if len(taken) != 0 {
		t.Fatalf("keys taken without any: %v", taken)
	}
	for _, p := range group {
		if diff := cmp.Diff(p.Order, find(t, b, p.Order.ID)); diff != "" {
			t.Fatal(diff)
		}
	}
	none, err := a.Find(t.Context(), []int64{1})
	must(t, err)
	if len(none) != 0 {
		t.Fatalf("found an order that was never placed: %v", none)
	}
}

func refusedGroup(t *testing.T, a, _ order.Store) {
	known := inserted(t, a, 1)[0]
	group := placed(t, a, 3)
	group[1].Order.ID = known.ID // a duplicate is refused by every database
	group[2].Key = key("k", "content")
	_, err := a.Insert(t.Context(), group, 0)
	mustBeRefused(t, err)
	kept, err := a.Find(t.Context(), []int64{group[0].Order.ID, group[2].Order.ID})
	must(t, err)
	if len(kept) != 0 {
		t.Fatalf("%d orders of a refused group were kept", len(kept))
	}
	if diff := cmp.Diff(known, find(t, a, known.ID)); diff != "" {
		t.Fatal("the order there before was changed:", diff)
	}
	taken, err := a.Insert(t.Context(), group[2:], 0)
	must(t, err)
	if len(taken) != 0 {
		t.Fatal("the key of a refused group was kept")
	}
}

func keysHaveOneOwner(t *testing.T, a, b order.Store) {
	first := placed(t, a, 2)
	first[0].Key = key("k1", "content")
	_, err := a.Insert(t.Context(), first, 0)
	must(t, err)

	second := placed(t, b, 3)
	second[0].Key, second[2].Key = key("k1", "other content"), key("k2", "content")
	taken, err := b.Insert(t.Context(), second, 0)
	must(t, err)
	want := map[[32]byte]order.Owner{key("k1", "").Hash: {OrderID: first[0].Order.ID, Fingerprint: key("", "content").Fingerprint}}
	if diff := cmp.Diff(want, taken); diff != "" {
		t.Fatal(diff)
	}
	kept, err := a.Find(t.Context(), idsOf(ordersOf(second)))
	must(t, err)
	if len(kept) != 2 || slices.Contains(idsOf(kept), second[0].Order.ID) {
		t.Fatalf("want the two orders whose keys were free, got %v", idsOf(kept))
	}

	third := placed(t, a, 1) // nothing is left of this group but the owner's order
	third[0].Key = key("k1", "content")
	taken, err = a.Insert(t.Context(), third, 0)
	must(t, err)
	if diff := cmp.Diff(want, taken); diff != "" {
		t.Fatal(diff)
	}
	claimed, err := a.ClaimUnpublished(t.Context(), 10, time.Minute)
	must(t, err)
	var published [][]int64
	for _, p := range claimed {
		published = append(published, p.OrderIDs)
	}
	if diff := cmp.Diff([][]int64{{first[0].Order.ID, first[1].Order.ID}, {second[1].Order.ID, second[2].Order.ID}}, published); diff != "" {
		t.Fatal("publications hold what was inserted, and nothing else:", diff)
	}
}

func keysDoNotDeadlock(t *testing.T, a, b order.Store) {
	const rounds, keys = 30, 40
	var replicas sync.WaitGroup
	var mu sync.Mutex
	kept := 0
	for _, s := range []order.Store{a, b, a, b} {
		replicas.Go(func() {
			for round := range rounds {
				group := placed(t, s, keys)
				for i, n := range rand.Perm(keys) {
					group[i].Key = key(fmt.Sprint("round ", round, " key ", n), "content")
				}
				taken, err := s.Insert(context.Background(), group, 0)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				kept += keys - len(taken)
				mu.Unlock()
			}
		})
	}
	replicas.Wait()
	if kept != rounds*keys {
		t.Fatalf("%d keys were used first %d times", rounds*keys, kept)
	}
}

func keysExpire(t *testing.T, a, b order.Store) {
	group := placed(t, a, 3)
	for i := range group {
		group[i].Key = key(fmt.Sprint(i), "content")
	}
	_, err := a.Insert(t.Context(), group, 0)
	must(t, err)
	for _, step := range []struct {
		before time.Time
		want   int
	}{{time.Now().Add(-time.Hour), 0}, {time.Now().Add(time.Hour), 2}, {time.Now().Add(time.Hour), 1}, {time.Now().Add(time.Hour), 0}} {
		deleted, err := b.DeleteKeys(t.Context(), step.before, 2)
		must(t, err)
		if deleted != step.want {
			t.Fatalf("deleted %d keys, want %d", deleted, step.want)
		}
	}
	again := placed(t, a, 1)
	again[0].Key = group[0].Key
	taken, err := a.Insert(t.Context(), again, 0)
	must(t, err)
	if len(taken) != 0 {
		t.Fatal("a deleted key is still taken")
	}
}
