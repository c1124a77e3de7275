package order

import (
	"context"
	"errors"
	"time"
)

// Stores wrap what goes wrong in one of these; anything else is an outage, and certainly nothing was changed.
var (
	// ErrRefused is the database's verdict on the data themselves: the same would be refused again.
	ErrRefused = errors.New("refused by the database")
	// ErrUncertain says that a commit was sent and its answer lost: it may have happened, or happen yet.
	ErrUncertain = errors.New("it is unknown whether the transaction was committed")
)

// Store is all that the service needs of a database. Two implementations pass the suite in storetest.
type Store interface {
	IDSource
	Inserter
	Reader
	Reporter
	Outbox
	// Clock is the clock that everything here is reckoned by, the database's.
	Clock(ctx context.Context) (time.Time, error)
	// DeleteKeys deletes at most limit idempotency keys made before a time, and says how many.
	DeleteKeys(ctx context.Context, before time.Time, limit int) (int, error)
}

// IDSource hands out order ids.
type IDSource interface {
	// ClaimIDs returns the first of n consecutive ids that nobody else gets, none below FirstID of the database's clock.
	ClaimIDs(ctx context.Context, n int64) (int64, error)
}

// Key is an idempotency key as it is kept.
type Key struct {
	Hash        [32]byte // of the key itself
	Fingerprint [32]byte // of the request's content
}

// Placement is an order about to be kept, with the key it came with, if any.
type Placement struct {
	Order Order
	Key   *Key
}

// Owner is who used an idempotency key first.
type Owner struct {
	OrderID     int64
	Fingerprint [32]byte
}

// Inserter keeps new orders.
type Inserter interface {
	// Insert keeps a group in one transaction, together with one publication for all of it that is due after the lease:
	// until then the caller has the right to publish it. A placement whose key somebody used before is left out, and
	// stands in the answer under the key's hash. Keys are inserted in the order of their hashes, so that two replicas with the
	// same keys wait for each other and never in a circle.
	Insert(ctx context.Context, group []Placement, lease time.Duration) (map[[32]byte]Owner, error)
	// Find returns those of the orders that exist, in no particular order.
	Find(ctx context.Context, ids []int64) ([]Order, error)
}

// Query asks for a page of orders, newest first.
type Query struct {
	UserID int64  // 0: of anybody
	Status Status // "": with any
	Before int64  // only ids below; 0: from the newest
	Limit  int
}

// Seen is how many history entries of an order somebody knows.
type Seen struct {
	OrderID int64
	Entries int // the first, PLACED, included
}

// Reader answers questions.
type Reader interface {
	List(ctx context.Context, q Query) ([]Order, error)
	// Changed returns those of the orders whose history has more entries than were seen.
	Changed(ctx context.Context, seen []Seen) ([]Order, error)
}

// Decision is what became of a report, and the order after it (zero when there is none).
type Decision struct {
	Verdict Verdict
	Order   Order
}

// Reporter applies reports.
type Reporter interface {
	// Apply advances orders by reports in one transaction and returns a decision a report, in their order. It locks orders
	// by ascending id, so that two replicas never wait in a circle.
	Apply(ctx context.Context, reports []Report) ([]Decision, error)
	// Probe does what Apply does to the same tables, and undoes it.
	Probe(ctx context.Context) error
}

// Publication is a group of orders, inserted together, whose events have to get out and be answered.
type Publication struct {
	ID       int64 // the smallest order id of the group
	OrderIDs []int64
	Attempts int // how often it was published; 0: never yet
}

// Backoff is when a publication is due again: Base after the first time, twice as long after each further one, at most Limit.
type Backoff struct{ Base, Limit time.Duration }

// Outbox holds what is to be published, by whichever replica. Its clock is the database's.
type Outbox interface {
	// ClaimUnpublished leases publications that are due and were never published, oldest first.
	ClaimUnpublished(ctx context.Context, limit int, lease time.Duration) ([]Publication, error)
	// ClaimUnanswered leases publications that were published and are due again, the longest overdue first.
	ClaimUnanswered(ctx context.Context, limit int, lease time.Duration) ([]Publication, error)
	// FindPending returns those of the orders that are PENDING, by ascending id.
	FindPending(ctx context.Context, ids []int64) ([]Order, error)
	// MarkPublished counts an attempt of each publication, successful or not, and makes it due again. Losing a mark in a
	// crash is harmless: the same events are published once more.
	MarkPublished(ctx context.Context, ids []int64, again Backoff) error
	// Release gives back what was claimed or inserted and could not be published: it is due at once.
	Release(ctx context.Context, ids []int64) error
	// Forget deletes publications all of whose orders were answered.
	Forget(ctx context.Context, ids []int64) error
	// Recall makes publications due at once that are due later than a lease, or the wait after a publication, can say: the
	// clock has gone back since. It returns how many.
	Recall(ctx context.Context, lease time.Duration, again Backoff) (int, error)
	// OldestUnpublished is when the oldest publication never yet published was made; zero when there is none.
	OldestUnpublished(ctx context.Context) (time.Time, error)
}
