package storetest

import (
	"errors"
	"testing"

	"github.com/openorder/openorder/services/notification"
)

func gone(t *testing.T, l Ledger) {
	register(t, l, anna)
	record(t, l, []string{anna}, event(1, notification.Reserved), event(2, notification.Reserved))
	c := claimant(anna)
	first := claim(t, l, c, 1, hour)
	want(t, "gone before", false, first.Gone)
	settle(t, l, c, notification.Verdict{Gone: true}, ended(first.Notifications[0], notification.Gone))
	want(t, "gone after", true, claim(t, l, c, 1, 0).Gone)
	if _, err := l.Rearm(t.Context(), first.Notifications[0].ID); err != nil {
		t.Fatal(err)
	}
	again := claim(t, l, c, 10, hour)
	want(t, "gone after re-arming", false, again.Gone)
	want(t, "what is due again", 2, len(again.Notifications))
}

// What is claimed of a receiver that is gone ends without an attempt; a moment later, which may be too late.
func rearmedMeanwhile(t *testing.T, l Ledger) {
	register(t, l, anna)
	record(t, l, []string{anna}, event(1, notification.Reserved), event(2, notification.Reserved))
	c := claimant(anna)
	first := claim(t, l, c, 1, hour).Notifications[0]
	settle(t, l, c, notification.Verdict{Gone: true}, ended(first, notification.Gone))
	unsent := claim(t, l, c, 1, hour)
	want(t, "gone", true, unsent.Gone)
	if _, err := l.RearmReceiver(t.Context(), anna); err != nil {
		t.Fatal(err)
	}
	settle(t, l, c, notification.Verdict{}, notification.Settlement{ID: unsent.Notifications[0].ID, State: notification.Gone})
	due := claim(t, l, c, 10, hour)
	want(t, "gone after re-arming", false, due.Gone)
	want(t, "what is due again", 2, len(due.Notifications))
}

func rearms(t *testing.T, l Ledger) {
	register(t, l, anna)
	record(t, l, []string{anna}, event(1, notification.Reserved), event(2, notification.Reserved), event(3, notification.Reserved))
	c := claimant(anna)
	for _, n := range claim(t, l, c, 3, hour).Notifications {
		state := map[int64]notification.State{1: notification.GivenUp, 2: notification.Gone, 3: notification.Delivered}[n.OrderID]
		n.Attempts = 9
		settle(t, l, c, notification.Verdict{Gone: state == notification.Gone}, ended(n, state))
	}
	id := notification.ID{OrderID: 1, Status: notification.Reserved, Receiver: anna}
	for _, id.OrderID = range []int64{1, 2} {
		n, err := l.Rearm(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "re-armed", []any{id, notification.Pending, 0}, []any{n.ID, n.State, n.Attempts})
	}
	for _, id.OrderID = range []int64{1, 3} { // pending and delivered
		if _, err := l.Rearm(t.Context(), id); !errors.Is(err, notification.ErrNotEnded) {
			t.Errorf("%s: got %v", id, err)
		}
	}
	id.OrderID = 4
	if _, err := l.Rearm(t.Context(), id); !errors.Is(err, notification.ErrNotFound) {
		t.Errorf("%s: got %v", id, err)
	}
	want(t, "due again", 2, len(claim(t, l, c, 10, hour).Notifications))
}

func rearmsReceiver(t *testing.T, l Ledger) {
	const orders = 2500
	register(t, l, anna, bert)
	var events []notification.Event
	for id := range int64(orders) {
		events = append(events, event(id+1, notification.Rejected))
	}
	record(t, l, []string{anna, bert}, events...)
	for _, receiver := range []string{anna, bert} {
		c := claimant(receiver)
		var settlements []notification.Settlement
		for _, n := range claim(t, l, c, orders, hour).Notifications {
			state := notification.Gone
			if n.OrderID%5 == 0 {
				state = notification.Delivered
			}
			settlements = append(settlements, ended(n, state))
		}
		settle(t, l, c, notification.Verdict{Gone: true}, settlements...)
	}
	count, err := l.RearmReceiver(t.Context(), anna)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "re-armed", int64(orders*4/5), count)
	want(t, "anna's", orders*4/5, len(claim(t, l, claimant(anna), orders, hour).Notifications))
	left := claim(t, l, claimant(bert), orders, hour)
	want(t, "bert's", []any{true, 0}, []any{left.Gone, len(left.Notifications)})
	if _, err := l.RearmReceiver(t.Context(), "nobody"); !errors.Is(err, notification.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
