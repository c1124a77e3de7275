package kafka

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

func TestLowWaterStaysBehindTheOldestUnfinishedRecordUnderAnyCompletionOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newLowWater()
		var open []int64
		offset := rapid.Int64Range(0, 1000).Draw(t, "first")
		highest := int64(-1)
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			if len(open) == 0 || rapid.Bool().Draw(t, "fetch") {
				offset += rapid.Int64Range(1, 5).Draw(t, "gap")
				if !w.fetched(offset) {
					t.Fatalf("offset %d was not taken", offset)
				}
				if rapid.Bool().Draw(t, "again") && w.fetched(offset) {
					t.Fatalf("offset %d was taken twice", offset)
				}
				open, highest = append(open, offset), offset
			} else {
				i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
				w.finished(open[i])
				open = append(open[:i], open[i+1:]...)
			}
			want := highest + 1
			for _, o := range open {
				want = min(want, o)
			}
			if w.next > want || len(open) == 0 && w.next != want {
				t.Fatalf("mark %d, oldest unfinished %d", w.next, want)
			}
		}
		for _, o := range open {
			w.finished(o)
		}
		if w.next != highest+1 || w.open() != 0 {
			t.Fatalf("all finished: mark %d of %d, %d open", w.next, highest+1, w.open())
		}
	})
}

func TestLowWaterForAPoisonedStreamFitsInMemory(t *testing.T) {
	t.Parallel()
	w := newLowWater()
	const records = 5_000_000
	for offset := range int64(records) {
		w.fetched(offset)
		if offset%2_000_000 != 0 {
			w.finished(offset)
		}
		if offset == 1_000_000 {
			w.finished(0)
		}
	}
	if held := cap(w.offsets); held > 2*maxOpenOffsets*4 {
		t.Errorf("%d offsets held for %d open", held, w.open())
	}
}

// The brokers have cut the log at 1 while the record at 2 is in flight: its offset is another's now.
func TestWhatIsInFlightWhenTheLogIsCutMovesTheMarkNoMore(t *testing.T) {
	t.Parallel()
	at := topicPartition{"orders", 0}
	p := &partition{topic: at.topic, low: newLowWater()}
	s := &session{c: &Consumer{config: ConsumerConfig{Log: slog.New(slog.DiscardHandler)}}, partitions: map[topicPartition]*partition{at: p}, waiting: newWaiting()}
	for offset := range int64(3) {
		p.low.fetched(offset)
	}
	p.low.finished(0)
	p.low.finished(1)
	s.truncated(&kgo.ErrDataLoss{Topic: at.topic, ResetTo: 1})
	s.finish(&entry{record: &Record{Offset: 2}, partition: p}, time.Now(), "done")
	marks, _ := s.marks()
	if mark := marks[at.topic][0].Offset; mark != 1 || !errors.Is(s.failed(), errTruncated) {
		t.Errorf("the mark is %d, the session ends with %v", mark, s.failed())
	}
}
