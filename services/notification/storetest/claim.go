package storetest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/openorder/openorder/services/notification"
)

func pending(n notification.Notification, in time.Duration) notification.Settlement {
	return notification.Settlement{ID: n.ID, State: notification.Pending, Attempts: n.Attempts + 1, RetryIn: in, Error: "503"}
}

func ended(n notification.Notification, state notification.State) notification.Settlement {
	return notification.Settlement{ID: n.ID, State: state, Attempts: n.Attempts + 1}
}

func claims(t *testing.T, l Ledger) {
	for id := range int64(5) {
		record(t, l, []string{anna}, event(id+1, notification.Reserved))
	}
	first, second := claimant(anna), claimant(anna)
	a := claim(t, l, first, 3, hour)
	b := claim(t, l, second, 3, hour)
	if len(a.Notifications) != 3 || len(b.Notifications) != 2 {
		t.Fatalf("claimed %d and %d", len(a.Notifications), len(b.Notifications))
	}
	for _, n := range slices.Concat(a.Notifications, b.Notifications) {
		want(t, "state", notification.Claimed, n.State)
	}
	settle(t, l, first, notification.Verdict{}, ended(a.Notifications[0], notification.Delivered), pending(a.Notifications[1], 0), pending(a.Notifications[2], hour))
	delivered, failed := only(t, l, a.Notifications[0].OrderID), only(t, l, a.Notifications[1].OrderID)
	want(t, "delivered", []any{notification.Delivered, 1, ""}, []any{delivered.State, delivered.Attempts, delivered.LastError})
	want(t, "failed", []any{notification.Pending, 1, "503"}, []any{failed.State, failed.Attempts, failed.LastError})
	want(t, "what is due again", []notification.ID{failed.ID}, ids(claim(t, l, second, 3, hour).Notifications))
}

func claimsForOneReceiver(t *testing.T, l Ledger) {
	record(t, l, []string{anna, bert}, event(1, notification.Reserved))
	want(t, "bert's", []notification.ID{{OrderID: 1, Status: notification.Reserved, Receiver: bert}},
		ids(claim(t, l, claimant(bert), 10, hour).Notifications))
}

func claimsAnew(t *testing.T, l Ledger) {
	record(t, l, []string{anna}, event(1, notification.Reserved))
	first := claim(t, l, claimant(anna), 1, 0) // ends at once
	again := claim(t, l, claimant(anna), 1, hour)
	want(t, "claimed again", ids(first.Notifications), ids(again.Notifications))
	want(t, "attempts", 0, again.Notifications[0].Attempts)
}

func settlesOnlyForHolder(t *testing.T, l Ledger) {
	record(t, l, []string{anna}, event(1, notification.Reserved))
	late, holder := claimant(anna), claimant(anna)
	n := claim(t, l, late, 1, 0).Notifications[0]
	claim(t, l, holder, 1, hour)
	settle(t, l, late, notification.Verdict{}, pending(n, 0))
	settle(t, l, late, notification.Verdict{}, ended(n, notification.GivenUp))
	want(t, "state", notification.Claimed, only(t, l, 1).State)
	settle(t, l, holder, notification.Verdict{}, pending(n, hour))
	want(t, "state", notification.Pending, only(t, l, 1).State)
}

func writesDeliveriesDown(t *testing.T, l Ledger) {
	record(t, l, []string{anna}, event(1, notification.Reserved))
	late, holder := claimant(anna), claimant(anna)
	n := claim(t, l, late, 1, 0).Notifications[0]
	claim(t, l, holder, 1, hour)
	settle(t, l, late, notification.Verdict{}, ended(n, notification.Delivered))
	settle(t, l, holder, notification.Verdict{}, pending(n, 0))
	want(t, "state", notification.Delivered, only(t, l, 1).State)
}

func tellsNext(t *testing.T, l Ledger) {
	want(t, "nothing at all", hour, claim(t, l, claimant(anna), 1, hour).Next)
	record(t, l, []string{anna}, event(1, notification.Reserved))
	c := claimant(anna)
	n := claim(t, l, c, 2, hour).Notifications[0]
	settle(t, l, c, notification.Verdict{}, pending(n, time.Minute))
	if next := claim(t, l, c, 2, hour).Next; next <= 50*time.Second || next > time.Minute {
		t.Errorf("want a minute, got %s", next)
	}
}

func pauses(t *testing.T, l Ledger) {
	register(t, l, anna)
	record(t, l, []string{anna, bert}, event(1, notification.Reserved), event(2, notification.Reserved))
	c := claimant(anna)
	n := claim(t, l, c, 1, hour).Notifications[0]
	settle(t, l, c, notification.Verdict{Pause: time.Minute}, pending(n, time.Minute))
	paused := claim(t, l, c, 10, hour)
	if len(paused.Notifications) != 0 || paused.Next <= 50*time.Second || paused.Next > time.Minute {
		t.Errorf("got %d to deliver, next in %s", len(paused.Notifications), paused.Next)
	}
	settle(t, l, c, notification.Verdict{Pause: time.Second}, pending(n, 0)) // a shorter pause does not cut a longer one
	if next := claim(t, l, c, 10, hour).Next; next <= 50*time.Second {
		t.Errorf("next in %s", next)
	}
	want(t, "bert's", 2, len(claim(t, l, claimant(bert), 10, hour).Notifications))
}

func twoReplicas(t *testing.T, a, b Ledger) {
	const orders = 500
	var news [2][]notification.Event
	var claimed [2][]notification.ID
	var both sync.WaitGroup
	for i, l := range []Ledger{a, b} {
		both.Go(func() {
			for first := int64(1); first <= orders; first += 50 {
				var batch []notification.Event
				for id := first; id < first+50; id++ {
					batch = append(batch, event(id, []notification.Status{notification.Failed, notification.Reserved}[(id+int64(i))%2]))
				}
				found, err := l.Record(t.Context(), batch, []string{anna})
				if err != nil {
					t.Error(err)
					return
				}
				news[i] = append(news[i], found...)
				got, err := l.Claim(t.Context(), claimant(anna), 40, hour, hour)
				if err != nil {
					t.Error(err)
					return
				}
				claimed[i] = append(claimed[i], ids(got.Notifications)...)
			}
		})
	}
	both.Wait()
	rest := claim(t, a, claimant(anna), 10_000, hour)
	seen := map[notification.ID]int{}
	for _, id := range slices.Concat(claimed[0], claimed[1], ids(rest.Notifications)) {
		seen[id]++
	}
	for id, times := range seen {
		if times != 1 {
			t.Errorf("%s was claimed %d times", id, times)
		}
	}
	outcomes := map[int64]int{}
	for _, e := range slices.Concat(news[0], news[1]) {
		if seen[notification.ID{OrderID: e.OrderID, Status: e.Status, Receiver: anna}] != 1 {
			t.Errorf("news of %d %s was never claimed", e.OrderID, e.Status)
		}
		if e.Status == notification.Reserved {
			outcomes[e.OrderID]++
		}
	}
	for id := int64(1); id <= orders; id++ {
		if outcomes[id] != 1 {
			t.Errorf("the outcome of order %d was news %d times", id, outcomes[id])
		}
	}
	want(t, "rows", len(seen), len(list(t, a, notification.Filter{Limit: 10_000})))
}
