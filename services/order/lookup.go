package order

import (
	"context"
	"sync"
	"time"
)

// lookups finds orders for many callers at once: whoever asks while earlier questions are on their way to the database
// shares the next. However many look, they take two of the connections that taking orders needs too, and nobody waits
// for others to come.
type lookups struct {
	find  func(ctx context.Context, ids []int64) ([]Order, error)
	bound time.Duration
	slots chan struct{} // questions on their way

	mu   sync.Mutex
	next *lookup // has not set out
}

// lookup is one question for several orders.
type lookup struct {
	ids    []int64
	joined time.Time // when the last caller did
	done   chan struct{}
	found  map[int64]Order
	err    error
}

const (
	lookupsAtOnce = 2
	maxLookup     = 1000
)

func newLookups(find func(context.Context, []int64) ([]Order, error), bound time.Duration) *lookups {
	return &lookups{find: find, bound: bound, slots: make(chan struct{}, lookupsAtOnce)}
}

// get finds an order as it is after the call began.
func (l *lookups) get(ctx context.Context, id int64) (Order, bool, error) {
	ours := l.join(id)
	select {
	case <-ours.done:
		order, exists := ours.found[id]
		return order, exists, ours.err
	case <-ctx.Done():
		return Order{}, false, ctx.Err()
	}
}

// join adds to the question that has not set out yet, or starts one.
func (l *lookups) join(id int64) *lookup {
	l.mu.Lock()
	defer l.mu.Unlock()
	ours := l.next
	if ours == nil {
		ours = &lookup{done: make(chan struct{})}
		l.next = ours
		go l.ask(ours)
	}
	ours.ids, ours.joined = append(ours.ids, id), time.Now()
	if len(ours.ids) == maxLookup {
		l.next = nil
	}
	return ours
}

// ask takes the question to the store when it is its turn. Its context is its own: a caller who gives up ends nobody
// else's question.
func (l *lookups) ask(ours *lookup) {
	l.slots <- struct{}{}
	l.mu.Lock()
	if l.next == ours {
		l.next = nil
	}
	waited := time.Since(ours.joined)
	l.mu.Unlock()
	found, err := l.answer(ours.ids, waited)
	<-l.slots
	ours.err = err
	ours.found = make(map[int64]Order, len(found))
	for _, order := range found {
		ours.found[order.ID] = order
	}
	close(ours.done)
}

func (l *lookups) answer(ids []int64, waited time.Duration) ([]Order, error) {
	if waited > l.bound {
		return nil, context.DeadlineExceeded // every caller has given up: a store that is back has better to do
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.bound)
	defer cancel()
	return l.find(ctx, ids)
}
