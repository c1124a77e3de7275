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
	due   dueHeap
	holds map[waitingKey]*hold
	count int
	bytes int
}

// hold is a key whose records wait behind one of them.
type hold struct {
	by     *entry
	behind []*entry // in offset order
}

func newWaiting() *waiting { return &waiting{holds: map[waitingKey]*hold{}} }

// retryAt lets an entry wait until due, and the later records of its key behind it; or behind an earlier one that waits
// already.
func (w *waiting) retryAt(e *entry, due time.Time) {
	if w.holdBack(e) {
		return
	}
	e = e.detach()
	e.due = due
	heap.Push(&w.due, e)
	w.added(e)
	if e.record.Key == nil {
		return
	}
	if _, held := w.holds[e.key()]; !held {
		w.holds[e.key()] = &hold{by: e}
	}
}

// holdBack lets an entry wait behind an earlier one of its key, if there is one that waits.
func (w *waiting) holdBack(e *entry) bool {
	h := w.hold(e)
	if h == nil || h.by == e || e.record.Offset < h.by.record.Offset {
		return false
	}
	e = e.detach()
	at := len(h.behind)
	for at > 0 && h.behind[at-1].record.Offset > e.record.Offset {
		at--
	}
	h.behind = slices.Insert(h.behind, at, e)
	w.added(e)
	return true
}

// hold is of an entry's key, nil where it is not held. It is asked of every record.
func (w *waiting) hold(e *entry) *hold {
	if len(w.holds) == 0 || e.record.Key == nil {
		return nil
	}
	return w.holds[e.key()]
}

// ready takes out up to limit entries that are due. Their keys stay held by them until release.
func (w *waiting) ready(now time.Time, limit int) []*entry {
	var out []*entry
	for len(w.due) > 0 && len(out) < limit && !w.due[0].due.After(now) {
		e := heap.Pop(&w.due).(*entry)
		w.removed(e)
		out = append(out, e)
	}
	return out
}

// release lets go of a finished entry's key, if it is that entry which holds it. The records behind it become due, one
// after the other.
func (w *waiting) release(e *entry, now time.Time) {
	h := w.hold(e)
	if h == nil || h.by != e {
		return
	}
	if len(h.behind) == 0 {
		delete(w.holds, e.key())
		return
	}
	h.by, h.behind = h.behind[0], h.behind[1:]
	w.removed(h.by)
	w.retryAt(h.by, now)
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
	for key, h := range w.holds {
		if key.partition == p {
			for _, e := range h.behind {
				w.removed(e)
			}
			delete(w.holds, key)
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
