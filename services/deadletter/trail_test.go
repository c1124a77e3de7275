package deadletter_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/openorder/openorder/services/deadletter"
)

func TestOffsetsAreASet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var got deadletter.Offsets
		want := map[int64]bool{}
		for range rapid.IntRange(0, 10).Draw(t, "runs") {
			from, length := rapid.Int64Range(0, 20_000).Draw(t, "from"), rapid.Int64Range(1, 9000).Draw(t, "length")
			for offset := from; offset < from+length; offset++ {
				got.Add(offset)
				want[offset] = true
			}
		}
		if got.Len() != int64(len(want)) {
			t.Fatalf("%d offsets, want %d", got.Len(), len(want))
		}
		for offset := range int64(30_000) {
			if got.Has(offset) != want[offset] {
				t.Fatalf("offset %d: got %t, want %t", offset, got.Has(offset), want[offset])
			}
		}
	})
}

func TestDoneKnowsTheTopicByItsID(t *testing.T) {
	t.Parallel()
	done := deadletter.NewDone("new")
	letter := func(topicID string, partition int32) deadletter.Letter {
		return deadletter.Letter{ID: deadletter.ID{TopicID: topicID, Partition: partition, Offset: 5}}
	}
	done.Add(deadletter.Entry{TopicID: "old", Partition: 1, Offset: 5})
	if done.Has(letter("old", 1)) || done.Has(letter("new", 1)) {
		t.Error("a letter of the earlier topic counts")
	}
	done.Add(deadletter.Entry{TopicID: "new", Partition: 1, Offset: 5})
	if !done.Has(letter("new", 1)) || done.Has(letter("new", 2)) {
		t.Error("the letter, and no other, should count")
	}
}

func TestALetterInThePlaceOfALostOneIsAnother(t *testing.T) {
	t.Parallel()
	earlier, later := int32(3), int32(4)
	for _, c := range []struct {
		redriven      *int32 // nil: by a version that did not say
		letter        int32
		done, another bool
	}{
		{&earlier, 3, true, false},
		{&earlier, 4, false, true},
		{&later, 3, false, true},
		{&earlier, deadletter.Unknown, true, false},
		{nil, 4, true, false},
	} {
		done := deadletter.NewDone("id")
		done.Add(deadletter.Entry{TopicID: "id", Offset: 7, LeaderEpoch: c.redriven})
		l := deadletter.Letter{ID: deadletter.ID{TopicID: "id", Offset: 7}, LeaderEpoch: c.letter}
		if done.Has(l) != c.done || done.HasAnother(l) != c.another {
			t.Errorf("%v: done %t, another %t", c, done.Has(l), done.HasAnother(l))
		}
		if l.Offset = 8; done.Has(l) || done.HasAnother(l) {
			t.Errorf("%v: the next offset counts too", c)
		}
	}
}

func TestATrailEntryIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	want := deadletter.Entry{
		DeadLetterTopic: "orders.DLT", TopicID: "id", Partition: 1, Offset: 2, LeaderEpoch: new(int32), To: deadletter.Place{Topic: "orders", Partition: 3, Offset: 4},
		Redrives: 2, By: "a@b", At: epoch, Run: "r", Filter: "--key=\"\x1b\"",
	}
	got, err := deadletter.DecodeEntry(want.Encode())
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func FuzzDecodeEntry(f *testing.F) {
	f.Add(deadletter.Entry{TopicID: "id", At: epoch}.Encode())
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, value []byte) {
		entry, err := deadletter.DecodeEntry(value)
		if err != nil {
			return
		}
		done := deadletter.NewDone(entry.TopicID)
		done.Add(entry)
		if l := (deadletter.Letter{ID: entry.ID(), LeaderEpoch: deadletter.Unknown}); !done.Has(l) {
			t.Errorf("%s is not noted", value)
		}
	})
}
