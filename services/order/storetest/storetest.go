// Package storetest is what every order.Store has to do. Each implementation's tests run it.
package storetest

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/order"
)

// Open returns two stores on one new, empty database: two replicas, where the database serves more than one process, else
// the same store twice.
type Open func(t *testing.T) (order.Store, order.Store)

// Run runs the suite, each test on a database of its own.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(t *testing.T, a, b order.Store){
		"ids are unique over replicas, ascend, and carry time":                idsAreUnique,
		"an order is found as it was inserted":                                insertedIsFound,
		"a refused order fails its group, and nothing of the group is kept":   refusedGroup,
		"a key belongs to who used it first":                                  keysHaveOneOwner,
		"keys in any order, from two replicas at once, do not deadlock":       keysDoNotDeadlock,
		"expired keys are deleted step by step":                               keysExpire,
		"lists are newest first, filtered, and go on from where they stopped": lists,
		"a publication is its inserter's until the lease is over":             leases,
		"two replicas never claim the same publication":                       claimsAreExclusive,
		"a published group is due again later and later":                      backsOff,
		"a released publication is due at once":                               releases,
		"a clock that went back puts nothing off":                             recalls,
		"only pending orders are published again":                             findPending,
		"the oldest unpublished order is known":                               oldest,
		"reports advance orders and are remembered":                           applies,
		"reports from two replicas at once leave one outcome":                 appliesConcurrently,
		"changed orders are those with more history than was seen":            changes,
		"a probe succeeds and leaves nothing":                                 probes,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := open(t)
			test(t, a, b)
		})
	}
}

// placed are new orders with ids from a store, one user.
func placed(t *testing.T, s order.Store, n int) []order.Placement {
	t.Helper()
	first, err := s.ClaimIDs(t.Context(), int64(n))
	must(t, err)
	group := make([]order.Placement, n)
	for i := range group {
		group[i].Order = order.Order{
			ID: first + int64(i), EventID: uuid.New(), UserID: 42, Status: order.Pending,
			Items:     event.Items{{SKU: "ABC-001", Qty: 2}, {SKU: `quo"te ü`, Qty: 1_000_000}},
			CreatedAt: time.Now().UTC().Truncate(time.Microsecond),
		}
	}
	return group
}

// inserted are orders in the store, one group, never published, due at once.
func inserted(t *testing.T, s order.Store, n int) []order.Order {
	t.Helper()
	return insertedFor(t, s, n, 0)
}

func insertedFor(t *testing.T, s order.Store, n int, lease time.Duration) []order.Order {
	t.Helper()
	group := placed(t, s, n)
	_, err := s.Insert(t.Context(), group, lease)
	must(t, err)
	return ordersOf(group)
}

func ordersOf(group []order.Placement) []order.Order {
	orders := make([]order.Order, len(group))
	for i, p := range group {
		orders[i] = p.Order
	}
	return orders
}

func idsOf(orders []order.Order) []int64 {
	ids := make([]int64, len(orders))
	for i, o := range orders {
		ids[i] = o.ID
	}
	return ids
}

func key(name, content string) *order.Key {
	return &order.Key{Hash: sha256.Sum256([]byte(name)), Fingerprint: sha256.Sum256([]byte(content))}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustBeRefused(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, order.ErrRefused) {
		t.Fatalf("want a refusal, got %v", err)
	}
}

func find(t *testing.T, s order.Store, id int64) order.Order {
	t.Helper()
	found, err := s.Find(t.Context(), []int64{id})
	must(t, err)
	if len(found) != 1 {
		t.Fatalf("order %d: found %d times", id, len(found))
	}
	return found[0]
}
