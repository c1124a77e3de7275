package storetest

import (
	"testing"
	"time"

	"github.com/openorder/openorder/services/notification"
)

func lists(t *testing.T, l Ledger) {
	register(t, l, anna, bert)
	for id := int64(1); id <= 20; id++ {
		status := []notification.Status{notification.Reserved, notification.Rejected, notification.Failed}[id%3]
		record(t, l, []string{anna, bert}, event(id, status))
	}
	c := claimant(anna)
	for i, n := range claim(t, l, c, 3, hour).Notifications {
		state := []notification.State{notification.Delivered, notification.GivenUp, notification.Gone}[i]
		settle(t, l, c, notification.Verdict{Gone: state == notification.Gone}, ended(n, state))
	}
	all := list(t, l, notification.Filter{})
	want(t, "in all", 40, len(all))
	for i := 1; i < len(all); i++ {
		if all[i].OrderID > all[i-1].OrderID {
			t.Errorf("order %d after %d", all[i].OrderID, all[i-1].OrderID)
		}
	}
	want(t, "page by page", all, pages(t, l, notification.Filter{Limit: 7}))
	for name, keep := range map[string]struct {
		filter notification.Filter
		fits   func(n notification.Notification) bool
	}{
		"order":    {notification.Filter{OrderID: 7}, func(n notification.Notification) bool { return n.OrderID == 7 }},
		"status":   {notification.Filter{Status: notification.Failed}, func(n notification.Notification) bool { return n.Status == notification.Failed }},
		"pending":  {notification.Filter{State: notification.Pending}, func(n notification.Notification) bool { return n.State == notification.Pending }},
		"given up": {notification.Filter{State: notification.GivenUp}, func(n notification.Notification) bool { return n.State == notification.GivenUp }},
		"gone":     {notification.Filter{State: notification.Gone}, func(n notification.Notification) bool { return n.State == notification.Gone }},
		"both": {notification.Filter{State: notification.Pending, Status: notification.Rejected}, func(n notification.Notification) bool {
			return n.State == notification.Pending && n.Status == notification.Rejected
		}},
	} {
		var expected []notification.ID
		for _, n := range all {
			if keep.fits(n) {
				expected = append(expected, n.ID)
			}
		}
		keep.filter.Limit = 2
		want(t, name, expected, ids(pages(t, l, keep.filter)))
	}
}

func pages(t testing.TB, l Ledger, f notification.Filter) []notification.Notification {
	t.Helper()
	var all []notification.Notification
	for {
		page := list(t, l, f)
		all = append(all, page...)
		if len(page) < f.Limit {
			return all
		}
		f.Before = &page[len(page)-1].ID
	}
}

func sumsUp(t *testing.T, l Ledger) {
	register(t, l, anna, bert)
	record(t, l, []string{anna}, event(1, notification.Reserved), event(2, notification.Reserved), event(3, notification.Failed), event(4, notification.Rejected))
	c := claimant(anna)
	states := []notification.State{notification.GivenUp, notification.Gone, notification.Delivered}
	for i, n := range claim(t, l, c, 3, hour).Notifications {
		settle(t, l, c, notification.Verdict{Gone: i == 0, Pause: hour}, ended(n, states[i]))
	}
	backlog, err := l.Backlog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(backlog) != 2 {
		t.Fatalf("got %+v", backlog)
	}
	recent := func(what string, at time.Time, of time.Duration) {
		t.Helper()
		if d := time.Until(at); d > of+time.Minute || d < of-time.Minute {
			t.Errorf("%s: %s", what, at)
		}
	}
	recent("gone since", backlog[0].GoneSince, 0)
	recent("paused until", backlog[0].PausedUntil, hour)
	recent("oldest", backlog[0].OldestSince, 0)
	backlog[0].GoneSince, backlog[0].PausedUntil, backlog[0].OldestSince = time.Time{}, time.Time{}, time.Time{}
	want(t, "backlog", []notification.Backlog{
		{Receiver: anna, Address: "https://anna.example", Waiting: 1, GivenUp: 1, Gone: 1},
		{Receiver: bert, Address: "https://bert.example"},
	}, backlog)
}
