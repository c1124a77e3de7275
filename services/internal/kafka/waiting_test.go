package kafka

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
	"weak"

	"pgregory.net/rapid"
)

func TestWaitingRecordsOfAKeyComeOutInOrderAndEachOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWaiting()
		p := &partition{low: newLowWater()}
		now := time.Unix(0, 0)
		last := map[string]int64{}
		var out []*entry
		finished := 0
		const records = 60
		take := func(e *entry) {
			key := string(e.record.Key)
			if rapid.IntRange(0, 2).Draw(t, "fails") == 0 && e.attempts < 2 {
				e.attempts++
				w.retryAt(e, now.Add(attemptInterval))
				return
			}
			if before, seen := last[key]; seen && e.record.Offset < before {
				t.Fatalf("key %s: offset %d after %d", key, e.record.Offset, before)
			}
			last[key] = e.record.Offset
			finished++
			w.release(e, now)
		}
		for offset := range int64(records) {
			e := &entry{partition: p, record: &Record{Offset: offset, Key: fmt.Append(nil, rapid.IntRange(0, 3).Draw(t, "key"))}}
			if !w.holdBack(e) {
				take(e)
			}
			if rapid.Bool().Draw(t, "time passes") {
				now = now.Add(attemptInterval)
				out = w.ready(now, 5)
				for _, e := range out {
					take(e)
				}
			}
		}
		for range 10 * records {
			now = now.Add(attemptInterval)
			for _, e := range w.ready(now, 5) {
				take(e)
			}
		}
		if finished != records || w.count != 0 || w.bytes != 0 || p.waiting != 0 || len(w.holds) != 0 {
			t.Fatalf("%d of %d came out; %d, %d bytes, %d of the partition still wait; %d keys held", finished, records, w.count, w.bytes, p.waiting, len(w.holds))
		}
	})
}

func TestOnlyTheRecordThatOthersWaitBehindLetsThemGo(t *testing.T) {
	t.Parallel()
	w, p, now := newWaiting(), &partition{}, time.Unix(0, 0)
	of := func(offset int64) *entry {
		return &entry{partition: p, record: &Record{Offset: offset, Key: []byte("a")}}
	}
	offsets := func() (out []int64) {
		for _, e := range w.ready(now, 10) {
			out = append(out, e.record.Offset)
			defer w.release(e, now)
		}
		return out
	}
	w.retryAt(of(1), now)
	w.holdBack(of(4))
	w.retryAt(of(3), now) // both had been emitted, and neither is acknowledged
	w.release(of(2), now) // which had been emitted with them, and is
	for _, want := range []int64{1, 3, 4} {
		if got := offsets(); !slices.Equal(got, []int64{want}) {
			t.Fatalf("due are %v, want %d alone", got, want)
		}
	}
	if len(w.holds) != 0 || w.count != 0 {
		t.Errorf("%d keys are held, %d records wait", len(w.holds), w.count)
	}
}

func TestNoRecordWaitsBehindALaterOne(t *testing.T) {
	t.Parallel()
	w, p, now := newWaiting(), &partition{}, time.Unix(0, 0)
	w.retryAt(&entry{partition: p, record: &Record{Offset: 2, Key: []byte("a")}}, now.Add(time.Second))
	w.retryAt(&entry{partition: p, record: &Record{Offset: 1, Key: []byte("a")}}, now) // not acknowledged
	if due := w.ready(now, 10); len(due) != 1 || due[0].record.Offset != 1 {
		t.Errorf("due are %d records, want the earlier one", len(due))
	}
}

func TestADroppedPartitionLeavesNothingWaiting(t *testing.T) {
	t.Parallel()
	w := newWaiting()
	kept, gone := &partition{}, &partition{}
	for i, p := range []*partition{kept, gone, gone, kept} {
		key := []byte{byte(i % 2)}
		w.retryAt(&entry{partition: p, record: &Record{Offset: int64(i), Key: key}}, time.Unix(1, 0))
		w.holdBack(&entry{partition: p, record: &Record{Offset: int64(10 + i), Key: key}})
	}
	w.drop(gone)
	if w.count != 4 || gone.waiting != 0 || kept.waiting != 4 {
		t.Errorf("%d wait, %d of the dropped partition, %d of the other; want 4, 0, 4", w.count, gone.waiting, kept.waiting)
	}
}

func TestWhatWaitsKeepsNothingOfWhatWasFetchedWithIt(t *testing.T) {
	t.Parallel()
	w := newWaiting()
	entries, values := func() (weak.Pointer[entry], weak.Pointer[byte]) {
		fetched := make([]byte, 1<<20)
		batch := make([]entry, 1000)
		for i := range batch {
			batch[i] = entry{partition: &partition{}, record: &Record{
				Key: fetched[:1], Value: fetched[i : i+1], Headers: []Header{{Key: "h", Value: fetched[i : i+1]}},
			}}
		}
		batch[501].partition = batch[500].partition
		w.retryAt(&batch[500], time.Unix(1, 0))
		if !w.holdBack(&batch[501]) {
			t.Error("a later record of the key does not wait")
		}
		return weak.Make(&batch[0]), weak.Make(&fetched[0])
	}()
	runtime.GC()
	if entries.Value() != nil || values.Value() != nil {
		t.Error("two waiting records keep the other 998 of their batch")
	}
	if w.count != 2 {
		t.Errorf("%d records wait, want 2", w.count)
	}
}
