package deadletter_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/deadletter"
)

func TestMessagesThatDifferInNumbersAndIDsAreOneGroup(t *testing.T) {
	t.Parallel()
	var groups deadletter.Groups
	for i, message := range []string{
		"order 17 of 3: no stock\n\tat a.b.C", "order 4 of 12: no stock", "session 0190163d-8694-739b-aea5-966c26f8ad90 is gone",
		"session 7a1b0c44-1111-4222-8333-abcdefabcdef is gone", "order 4 of 12: unknown sku",
	} {
		letter := deadletter.Letter{ID: deadletter.ID{Offset: int64(i)}, Timestamp: epoch.Add(time.Duration(i) * time.Hour)}
		groups.Add(letter, deadletter.Failure{Message: message, Exception: "a.B"}, i == 1)
	}
	want := []deadletter.Group{
		{Class: "a.B", Message: "order # of #: no stock", Letters: 2, Redriven: 1, First: epoch, Last: epoch.Add(time.Hour),
			Sample: deadletter.ID{Offset: 1}, Text: "order 4 of 12: no stock"},
		{Class: "a.B", Message: "session # is gone", Letters: 2, First: epoch.Add(2 * time.Hour), Last: epoch.Add(3 * time.Hour),
			Sample: deadletter.ID{Offset: 3}, Text: "session 7a1b0c44-1111-4222-8333-abcdefabcdef is gone"},
		{Class: "a.B", Message: "order # of #: unknown sku", Letters: 1, First: epoch.Add(4 * time.Hour), Last: epoch.Add(4 * time.Hour),
			Sample: deadletter.ID{Offset: 4}, Text: "order 4 of 12: unknown sku"},
	}
	if diff := cmp.Diff(want, groups.List()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestGroupsAreBoundedHoweverManyErrors(t *testing.T) {
	t.Parallel()
	var groups deadletter.Groups
	for i := range 25_000 {
		groups.Add(deadletter.Letter{}, deadletter.Failure{Exception: "a.B" + strconv.Itoa(i)}, false)
	}
	list := groups.List()
	rest := list[len(list)-1]
	if len(list) != 10_001 || !rest.Rest || rest.Letters != 15_000 {
		t.Errorf("%d groups, the last %+v", len(list), rest)
	}
}
