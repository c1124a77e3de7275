package order

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"
)

// Errors of Place, beside Invalid and ErrRefused.
var (
	// ErrKeyReused says that the idempotency key came with other content before.
	ErrKeyReused = errors.New("the Idempotency-Key was used before with another payload")
	// ErrKeyInFlight says that the first request with the idempotency key has not been answered yet.
	ErrKeyInFlight = errors.New("the first request with this Idempotency-Key is still in flight")
	// ErrOverloaded says that more orders wait than may. The order was not taken.
	ErrOverloaded = errors.New("too many orders wait to be stored")
	// ErrUnavailable says that the database cannot be reached in time. The order was not taken.
	ErrUnavailable = errors.New("the order cannot be stored now")
	// ErrMaybeTaken says that the database may have committed the order, and cannot be asked now.
	ErrMaybeTaken = errors.New("the order may have been taken: the database's answer was lost and it cannot be asked now")
)

// Request is a draft with what came along.
type Request struct {
	Draft          Draft
	IdempotencyKey string // "" for none
	TraceParent    string
}

// Place takes an order and returns its id once the order is durable. A caller that gives up does not undo it.
//
// Idempotency keys count for the whole installation: without authentication nobody else could be told apart, and a key
// that two clients happen to share can only ever be refused, since their contents differ.
func (s *Service) Place(ctx context.Context, r Request) (int64, error) {
	draft, err := r.Draft.Check()
	if err != nil {
		return 0, err
	}
	w := &waiting{draft: draft, trace: r.TraceParent, answered: make(chan struct{})}
	if r.IdempotencyKey != "" {
		w.key = &Key{Hash: sha256.Sum256([]byte(r.IdempotencyKey)), Fingerprint: draft.fingerprint()}
	}
	if err := s.committer.enqueue(w); err != nil {
		return 0, err
	}
	deadline := time.NewTimer(s.timing.Place)
	defer deadline.Stop()
	select {
	case <-w.answered:
	case <-ctx.Done():
		s.committer.abandon(w, ctx.Err())
		return 0, ctx.Err()
	case <-deadline.C:
		s.committer.abandon(w, fmt.Errorf("%w: it waited %s for its turn", ErrUnavailable, s.timing.Place))
		<-w.answered // at once, or when its group is through, which is bounded
	}
	return w.id, w.err
}
