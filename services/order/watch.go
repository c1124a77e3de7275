package order

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"
)

// ErrTooManyWatches says that as many orders are watched as one replica can.
var ErrTooManyWatches = errors.New("too many event streams are open")

// watches tells those who watch orders what happens to them. What this replica applies, it tells at once; what another one
// applied, it finds by one query for all watched orders, and only while somebody watches.
type watches struct {
	store    Reader
	metrics  *metrics
	interval time.Duration
	failing  *trouble
	first    chan struct{} // wakes the task when somebody begins to watch

	mu    sync.Mutex
	open  map[int64]map[*watch]struct{}
	count int
}

// watch is one watcher's view of one order.
type watch struct {
	latest Order
	wake   chan struct{}
}

func newWatches(store Reader, m *metrics, interval time.Duration, failing *trouble) *watches {
	return &watches{store: store, metrics: m, interval: interval, failing: failing,
		first: make(chan struct{}, 1), open: map[int64]map[*watch]struct{}{}}
}

// Step is a history entry and its place in the history, counted from 1.
type Step struct {
	Seq int
	Entry
}

// Watch yields the steps of an order's history after those seen, and then each as it happens, until the order is RESERVED or
// REJECTED, the context ends, or until is closed. Every beat it yields a step with Seq 0. ok is false when there is no
// such order; otherwise the steps have to be ranged over, or the watch stays open.
func (s *Service) Watch(ctx context.Context, id int64, seen int, beat time.Duration, until <-chan struct{}) (steps iter.Seq[Step], ok bool, err error) {
	w, err := s.watches.add(id)
	if err != nil {
		return nil, false, err
	}
	// The order is read after the watch began, so that nothing falls between the two.
	order, ok, err := s.Get(ctx, id)
	if err != nil || !ok {
		s.watches.remove(id, w)
		return nil, ok, err
	}
	s.watches.update(w, order)
	seen = min(seen, 1+len(order.Outcomes)) // what a failover of the database lost may have been seen
	return func(yield func(Step) bool) {
		defer s.watches.remove(id, w)
		heart := time.NewTicker(beat)
		defer heart.Stop()
		for {
			order := s.watches.look(w)
			for i, entry := range order.History() {
				if i >= seen && !yield(Step{i + 1, entry}) {
					return
				}
			}
			seen = max(seen, 1+len(order.Outcomes))
			if order.Status.Final() {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-until:
				return
			case <-w.wake:
			case <-heart.C:
				if !yield(Step{}) {
					return
				}
			}
		}
	}, true, nil
}

func (w *watches) add(id int64) (*watch, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.count >= maxStreams {
		return nil, ErrTooManyWatches
	}
	one := &watch{wake: make(chan struct{}, 1)}
	if w.open[id] == nil {
		w.open[id] = map[*watch]struct{}{}
	}
	w.open[id][one] = struct{}{}
	w.count++
	w.metrics.streams.Set(float64(w.count))
	select {
	case w.first <- struct{}{}:
	default:
	}
	return one, nil
}

func (w *watches) remove(id int64, one *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open[id], one)
	if len(w.open[id]) == 0 {
		delete(w.open, id)
	}
	w.count--
	w.metrics.streams.Set(float64(w.count))
}

func (w *watches) look(one *watch) Order {
	w.mu.Lock()
	defer w.mu.Unlock()
	return one.latest
}

// update shows an order to a watch, unless it is older than what the watch has.
func (w *watches) update(one *watch, order Order) {
	w.mu.Lock()
	defer w.mu.Unlock()
	one.update(order)
}

func (one *watch) update(order Order) {
	if one.latest.ID != 0 && len(order.Outcomes) <= len(one.latest.Outcomes) {
		return
	}
	one.latest = order
	select {
	case one.wake <- struct{}{}:
	default:
	}
}

// tell shows an order to all who watch it.
func (w *watches) tell(order Order) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.open[order.ID] {
		one.update(order)
	}
}

// run looks for what other replicas applied.
func (w *watches) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.first:
		}
		if err := w.poll(ctx); ctx.Err() == nil {
			w.failing.observe(err)
		}
		wait(ctx, w.interval)
		if w.any() {
			select {
			case w.first <- struct{}{}:
			default:
			}
		}
	}
}

func (w *watches) any() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count > 0
}

func (w *watches) poll(ctx context.Context) error {
	seen := w.seen()
	if len(seen) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	changed, err := w.store.Changed(ctx, seen)
	if err != nil {
		return err
	}
	for _, order := range changed {
		w.tell(order)
	}
	return nil
}

// seen is what is known of each watched order: the least that any of its watches has.
func (w *watches) seen() []Seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := make([]Seen, 0, len(w.open))
	for id, all := range w.open {
		known := -1
		for one := range all {
			if n := 1 + len(one.latest.Outcomes); known < 0 || n < known {
				known = n
			}
		}
		seen = append(seen, Seen{OrderID: id, Entries: known})
	}
	return seen
}
