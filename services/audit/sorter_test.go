package audit

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestHoweverManyEventsTheyComeSorted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newSorter(rapid.IntRange(1, 20).Draw(t, "run length"))
		defer s.close()
		var added []eventFact
		for i, id := range rapid.SliceOfN(rapid.Int64Range(1, 30), 0, 200).Draw(t, "order ids") {
			e := eventFact{orderID: id, offset: int64(i), partition: int32(i % 7), kind: eventKind(i % 4), early: i%2 == 0, id: eventID{byte(i)}, cause: eventID{1, byte(i)}}
			added = append(added, e)
			if err := s.add(e); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // it can be read again
			var got []eventFact
			for e, err := range s.sorted() {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, e)
			}
			if !slices.IsSortedFunc(got, func(a, b eventFact) int { return int(a.orderID - b.orderID) }) {
				t.Fatal("not sorted")
			}
			byOffset := func(a, b eventFact) int { return int(a.offset - b.offset) }
			slices.SortFunc(got, byOffset)
			if diff := cmp.Diff(added, got, cmp.AllowUnexported(eventFact{})); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

func TestASorterLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	s := newSorter(1)
	if err := s.add(eventFact{orderID: 1}); err != nil {
		t.Fatal(err)
	}
	for range s.sorted() {
		break // early
	}
	s.close()
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there", s.dir)
	}
}

func TestAnEndlesslyRepeatedEventIsKeptInBoundedMemory(t *testing.T) {
	t.Parallel()
	c := &caseFile{}
	for i := range 10 * maxEvents {
		c.addEvent(eventFact{orderID: 1, offset: int64(i), kind: reservedEvent})
	}
	if len(c.events) != maxEvents {
		t.Errorf("%d are kept", len(c.events))
	}
}
