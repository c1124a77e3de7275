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
	id := deadletter.ID{TopicID: "old", Partition: 1, Offset: 5}
	done.Add(id)
	if done.Has(id) || done.Has(deadletter.ID{TopicID: "new", Partition: 1, Offset: 5}) {
		t.Error("a letter of the earlier topic counts")
	}
	id.TopicID = "new"
	done.Add(id)
	if !done.Has(id) || done.Has(deadletter.ID{TopicID: "new", Partition: 2, Offset: 5}) {
		t.Error("the letter, and no other, should count")
	}
}

func TestATrailEntryIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	want := deadletter.Entry{
		DeadLetterTopic: "orders.DLT", TopicID: "id", Partition: 1, Offset: 2, To: deadletter.Place{Topic: "orders", Partition: 3, Offset: 4},
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
		done.Add(entry.ID())
		if !done.Has(entry.ID()) {
			t.Errorf("%s is not noted", value)
		}
	})
}
