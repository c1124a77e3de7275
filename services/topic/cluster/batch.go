package cluster

import (
	"context"
	"sync"
	"time"
)

// linger is how long the first question of a batch waits for company. While a batch is under way, the next one gathers.
const linger = 3 * time.Millisecond

// batcher gathers questions that are asked at the same time and answers them together, one batch after the other.
type batcher[Q, A any] struct {
	most   int            // questions a batch
	weight func(Q) int    // what a question counts towards most; nil: 1
	name   func(Q) string // two questions of the same name never share a batch; nil: they may
	answer func(ctx context.Context, batch []Q) []answer[A]

	ctx     context.Context // ends with the cluster
	mu      sync.Mutex
	waiting []*question[Q, A]
	running bool
}

type answer[A any] struct {
	value A
	err   error
}

type question[Q, A any] struct {
	q    Q
	ctx  context.Context
	done chan answer[A] // buffered: nobody may be there to hear it
}

// ask waits for the answer. A question whose context ends before its batch begins is not asked.
func (b *batcher[Q, A]) ask(ctx context.Context, q Q) (A, error) {
	asked := &question[Q, A]{q, ctx, make(chan answer[A], 1)}
	b.mu.Lock()
	b.waiting = append(b.waiting, asked)
	if !b.running {
		b.running = true
		go b.run()
	}
	b.mu.Unlock()
	select {
	case a := <-asked.done:
		return a.value, a.err
	case <-ctx.Done():
		var none A
		return none, ctx.Err()
	}
}

func (b *batcher[Q, A]) run() {
	timer := time.NewTimer(linger)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.ctx.Done():
	}
	for {
		batch := b.take()
		if batch == nil {
			return
		}
		if len(batch) == 0 {
			continue
		}
		questions := make([]Q, len(batch))
		for i, asked := range batch {
			questions[i] = asked.q
		}
		for i, a := range b.answer(b.ctx, questions) {
			batch[i].done <- a
		}
	}
}

// take is the next batch, nil when nobody waits.
func (b *batcher[Q, A]) take() []*question[Q, A] {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		b.running = false
		return nil
	}
	batch := []*question[Q, A]{}
	var later []*question[Q, A]
	names := map[string]bool{}
	total := 0
	for _, asked := range b.waiting {
		if asked.ctx.Err() != nil {
			continue
		}
		weight := 1
		if b.weight != nil {
			weight = b.weight(asked.q)
		}
		if len(batch) > 0 && total+weight > b.most || b.name != nil && names[b.name(asked.q)] {
			later = append(later, asked)
			continue
		}
		if b.name != nil {
			names[b.name(asked.q)] = true
		}
		total += weight
		batch = append(batch, asked)
	}
	b.waiting = later
	return batch
}
