// Package batch answers together what is asked at the same time.
package batch

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// linger is how long the first question of a batch waits for company, unless Linger says otherwise. While a batch is under
// way, the next one gathers.
const linger = 3 * time.Millisecond

// Batcher gathers questions that are asked at the same time and answers them together, one batch after the other.
type Batcher[Q, A any] struct {
	Context context.Context // ends what is under way
	Most    int             // questions a batch, by Weight
	Weight  func(Q) int     // what a question counts towards Most; nil: 1
	Linger  time.Duration   // how long each batch waits for company, where batches are dear; 0: the first a moment, the next not
	Name    func(Q) string  // two questions of the same name never share a batch; nil: they may
	// Run answers a batch, an answer a question in the same order. It runs on one goroutine at a time.
	Run func(ctx context.Context, batch []Q) []Answer[A]

	mu      sync.Mutex
	waiting []*question[Q, A]
	running bool
}

// Answer is a value or an error.
type Answer[A any] struct {
	Value A
	Err   error
}

type question[Q, A any] struct {
	q    Q
	ctx  context.Context
	done chan Answer[A] // buffered: nobody may be there to hear it
}

// Ask waits for the answer. A question whose context ends before its batch begins is not asked.
func (b *Batcher[Q, A]) Ask(ctx context.Context, q Q) (A, error) {
	asked := &question[Q, A]{q, ctx, make(chan Answer[A], 1)}
	b.mu.Lock()
	b.waiting = append(b.waiting, asked)
	if !b.running {
		b.running = true
		go b.run()
	}
	b.mu.Unlock()
	select {
	case a := <-asked.done:
		return a.Value, a.Err
	case <-ctx.Done():
		var none A
		return none, ctx.Err()
	}
}

func (b *Batcher[Q, A]) run() {
	b.gather(cmp.Or(b.Linger, linger))
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
		for i, a := range b.Run(b.Context, questions) {
			batch[i].done <- a
		}
		b.gather(b.Linger)
	}
}

// gather lets questions come.
func (b *Batcher[Q, A]) gather(wait time.Duration) {
	if wait == 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.Context.Done():
	}
}

// take is the next batch, nil when nobody waits.
func (b *Batcher[Q, A]) take() []*question[Q, A] {
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
		if b.Weight != nil {
			weight = b.Weight(asked.q)
		}
		if len(batch) > 0 && total+weight > b.Most || b.Name != nil && names[b.Name(asked.q)] {
			later = append(later, asked)
			continue
		}
		if b.Name != nil {
			names[b.Name(asked.q)] = true
		}
		total += weight
		batch = append(batch, asked)
	}
	b.waiting = later
	return batch
}
