package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/openorder/openorder/services/notification"
)

// ClockWentBack runs on an empty ledger. shift moves every time in it that says when something changes or is due: by hours
// into the future, as a clock finds them that went back by hours.
func ClockWentBack(t *testing.T, l Ledger, shift func(by time.Duration)) {
	register(t, l, anna, bert)
	claimed, waiting, fresh := int64(1), int64(2), int64(3)
	record(t, l, []string{anna}, event(claimed, notification.Reserved), event(waiting, notification.Reserved))
	c := claimant(anna)
	for _, n := range claim(t, l, c, 2, time.Minute).Notifications {
		if n.OrderID == waiting {
			settle(t, l, c, notification.Verdict{Pause: time.Minute}, pending(n, 5*time.Minute))
		}
	}
	record(t, l, []string{bert}, event(fresh, notification.Reserved))
	recall(t, l, 0)
	before := []time.Time{only(t, l, claimed).DueAt, only(t, l, waiting).DueAt}
	shift(10 * hour)
	if got := claim(t, l, claimant(bert), 1, hour).Notifications; len(got) != 0 {
		t.Fatal("the clock did not go back: ", got)
	}

	recall(t, l, 3)
	after := []time.Time{only(t, l, claimed).DueAt, only(t, l, waiting).DueAt}
	if diff := cmp.Diff(before, after, cmpopts.EquateApproxTime(time.Minute)); diff != "" {
		t.Error("when a claim ends and the next attempt is due:", diff)
	}
	want(t, "what is due", []notification.ID{{OrderID: fresh, Status: notification.Reserved, Receiver: bert}},
		ids(claim(t, l, claimant(bert), 1, hour).Notifications))
	record(t, l, []string{anna}, event(4, notification.Reserved))
	want(t, "a receiver that asked for a pause before", 1, len(claim(t, l, claimant(anna), 1, hour).Notifications))
	recall(t, l, 0)
}

func recall(t *testing.T, l Ledger, count int64) {
	t.Helper()
	recalled, err := l.Recall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want(t, "recalled", count, recalled)
}
