package kafka

import (
	"bytes"
	"container/heap"
	"slices"
	"strings"
	"time"
)

// entry is a record on its way through a consumer.
type entry struct {
	record    *Record
	partition *partition
	attempts  int       // finished attempts that were the record's own fault
	outages   int       // finished attempts that were not
	due       time.Time // when a waiting record is tried again
	lastErr   error
	detached  bool // see detach
}

// waitingKey is what records wait behind: their partition and key. Records without a key wait behind nothing.
type waitingKey struct {
	partition *partition
	key       string
}

// waiting holds the records to be tried again, and behind each the later records of its key, so that order within a key
// is kept while the rest of the partition goes on. It is not safe for concurrent use.
type waiting struct {
	due    dueHeap
	behind map[waitingKey][]*entry
	count  int
	bytes  int
}

func newWaiting() *waiting { return &waiting{behind: map[waitingKey][]*entry{}} }

// retryAt lets an entry wait until due.
func (w *waiting) retryAt(e *entry, due time.Time) {
	e = e.detach()
	e.due = due
	heap.Push(&w.due, e)
	w.added(e)
	if e.record.Key == nil {
		return
	}
	if _, held := w.behind[e.key()]; !held {
		w.behind[e.key()] = nil
	}
}

// holdBack lets an entry wait behind an earlier one of its key, if there is one.
func (w *waiting) holdBack(e *entry) bool {
	queue, held := w.held(e)
	if !held {
		return false
	}
	e = e.detach()
	w.behind[e.key()] = append(queue, e)
	w.added(e)
	return true
}

// held is what waits behind an entry's key, and whether anything may. It is asked of every record.
func (w *waiting) held(e *entry) ([]*entry, bool) {
	if len(w.behind) == 0 || e.record.Key == nil {
		return nil, false
	}
	queue, held := w.behind[e.key()]
	return queue, held
}

// ready takes out up to limit entries that are due. Their keys stay held until release.
func (w *waiting) ready(now time.Time, limit int) []*entry {
	var out []*entry
	for len(w.due) > 0 && len(out) < limit && !w.due[0].due.After(now) {
		e := heap.Pop(&w.due).(*entry)
		w.removed(e)
		out = append(out, e)
	}
	return out
}

// release lets go of a finished entry's key. The records behind it become due, one after the other.
func (w *waiting) release(e *entry, now time.Time) {
	queue, held := w.held(e)
	if !held {
		return
	}
	if len(queue) == 0 {
		delete(w.behind, e.key())
		return
	}
	next := queue[0]
	w.behind[e.key()] = queue[1:]
	w.removed(next)
	w.retryAt(next, now)
}

// drop forgets everything of a partition.
func (w *waiting) drop(p *partition) {
	kept := w.due[:0]
	for _, e := range w.due {
		if e.partition == p {
			w.removed(e)
			continue
		}
		kept = append(kept, e)
	}
	w.due = kept
	heap.Init(&w.due)
	for key, queue := range w.behind {
		if key.partition == p {
			for _, e := range queue {
				w.removed(e)
			}
			delete(w.behind, key)
		}
	}
}

// next is when the first entry is due.
func (w *waiting) next() (time.Time, bool) {
	if len(w.due) == 0 {
		return time.Time{}, false
	}
	return w.due[0].due, true
}

func (w *waiting) added(e *entry) {
	w.count++
	w.bytes += sizeOf(e.record)
	e.partition.waiting++
}

func (w *waiting) removed(e *entry) {
	w.count--
	w.bytes -= sizeOf(e.record)
	e.partition.waiting--
}

// key is what later records wait behind, if the entry has a key.
func (e *entry) key() waitingKey { return waitingKey{e.partition, string(e.record.Key)} }

// detach returns the entry with memory of its own. A record as it was fetched shares its with thousands of others, all of
// which one in a hundred that waits would keep.
func (e *entry) detach() *entry {
	if e.detached {
		return e
	}
	own, record := *e, *e.record
	record.Key, record.Value = bytes.Clone(record.Key), bytes.Clone(record.Value)
	record.Headers = slices.Clone(record.Headers)
	for i, h := range record.Headers {
		record.Headers[i] = Header{Key: strings.Clone(h.Key), Value: bytes.Clone(h.Value)}
	}
	own.record, own.detached = &record, true
	return &own
}

func sizeOf(r *Record) int {
	size := len(r.Key) + len(r.Value) + 128
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value) + 40
	}
	return size
}

// dueHeap is ordered by due time, then offset.
type dueHeap []*entry

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	if !h[i].due.Equal(h[j].due) {
		return h[i].due.Before(h[j].due)
	}
	return h[i].record.Offset < h[j].record.Offset
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(e any)   { *h = append(*h, e.(*entry)) }
func (h *dueHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}
