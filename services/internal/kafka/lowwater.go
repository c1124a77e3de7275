package kafka

// lowWater finds how far a partition is done when its records finish in any order: the offset to commit stays behind the
// oldest unfinished record. Offsets need not be contiguous: compaction, transaction markers and aborted records leave gaps.
//
// It keeps nine bytes an open offset or one finished after it. It is not safe for concurrent use.
type lowWater struct {
	offsets []int64 // ascending; offsets[head:] are fetched and not yet below the mark
	done    []bool
	head    int
	next    int64 // the offset to commit: everything below is finished; -1 before the first record
}

func newLowWater() *lowWater { return &lowWater{next: -1} }

// fetched adds the next record of the partition. Offsets come in ascending order; one that came before is not added.
func (w *lowWater) fetched(offset int64) bool {
	if n := len(w.offsets); n > w.head && offset <= w.offsets[n-1] || n == w.head && offset < w.next {
		return false
	}
	if w.next < 0 {
		w.next = offset
	}
	w.offsets = append(w.offsets, offset)
	w.done = append(w.done, false)
	return true
}

// finished marks an offset. It may be called once for each fetched offset.
func (w *lowWater) finished(offset int64) {
	i, ok := w.find(offset)
	if !ok {
		return
	}
	w.done[i] = true
	for w.head < len(w.done) && w.done[w.head] {
		w.next = w.offsets[w.head] + 1
		w.head++
	}
	w.compact()
}

// open is how many offsets are held: those unfinished and those finished behind an unfinished one.
func (w *lowWater) open() int { return len(w.offsets) - w.head }

func (w *lowWater) find(offset int64) (int, bool) {
	low, high := w.head, len(w.offsets)
	for low < high {
		if middle := (low + high) / 2; w.offsets[middle] < offset {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, low < len(w.offsets) && w.offsets[low] == offset
}

// compact gives the memory below the mark back once it is the larger part.
func (w *lowWater) compact() {
	if w.head < 1024 || w.head < len(w.offsets)/2 {
		return
	}
	w.offsets = append(w.offsets[:0:0], w.offsets[w.head:]...)
	w.done = append(w.done[:0:0], w.done[w.head:]...)
	w.head = 0
}
