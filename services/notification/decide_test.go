package notification_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/openorder/openorder/services/notification"
)

func TestWhatIsNews(t *testing.T) {
	t.Parallel()
	type statuses = []notification.Status
	const reserved, rejected, failed = notification.Reserved, notification.Rejected, notification.Failed
	for name, test := range map[string]struct{ seen, told statuses }{
		"an outcome is told":                          {statuses{reserved}, statuses{reserved}},
		"a failure is told":                           {statuses{failed}, statuses{failed}},
		"an outcome after a failure is told":          {statuses{failed, reserved}, statuses{failed, reserved}},
		"a rejection after a failure is told":         {statuses{failed, rejected}, statuses{failed, rejected}},
		"a failure after an outcome is not":           {statuses{rejected, failed}, statuses{rejected}},
		"a repeated outcome is not":                   {statuses{reserved, reserved}, statuses{reserved}},
		"a repeated failure is not":                   {statuses{failed, failed}, statuses{failed}},
		"a failure after a failure and outcome isn't": {statuses{failed, reserved, failed}, statuses{failed, reserved}},
		"the first outcome stands":                    {statuses{reserved, rejected}, statuses{reserved}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var history notification.History
			var told statuses
			for _, status := range test.seen {
				after, news := history.Tell(status)
				if news {
					told = append(told, status)
				}
				history = after
			}
			if diff := cmp.Diff(test.told, told); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFoundTogetherAnOutcomeMakesAFailureNoNews(t *testing.T) {
	t.Parallel()
	events := []notification.Event{{OrderID: 1, Status: notification.Failed}, {OrderID: 1, Status: notification.Reserved}}
	after, news := notification.History{}.Fold(events)
	if diff := cmp.Diff(events[1:], news); diff != "" {
		t.Error(diff)
	}
	if after != (notification.History{Outcome: notification.Reserved}) {
		t.Errorf("got %+v", after)
	}
}

// However events are repeated, reordered and batched, each thing is told once, one outcome at most, and nothing after it.
func TestHoweverEventsComeEachIsToldOnce(t *testing.T) {
	t.Parallel()
	status := rapid.SampledFrom([]notification.Status{notification.Reserved, notification.Rejected, notification.Failed})
	rapid.Check(t, func(t *rapid.T) {
		batches := rapid.SliceOf(rapid.SliceOf(status)).Draw(t, "batches")
		var history notification.History
		var told []notification.Event
		sawOutcome := false
		for _, batch := range batches {
			var events []notification.Event
			for _, s := range batch {
				events = append(events, notification.Event{OrderID: 1, Status: s})
				sawOutcome = sawOutcome || s != notification.Failed
			}
			var news []notification.Event
			history, news = history.Fold(events)
			told = append(told, news...)
		}
		seen := map[notification.Status]bool{}
		for i, e := range told {
			if seen[e.Status] {
				t.Fatalf("%s is told twice: %v", e.Status, told)
			}
			seen[e.Status] = true
			if e.Status != notification.Failed && i != len(told)-1 {
				t.Fatalf("something is told after the outcome: %v", told)
			}
		}
		if sawOutcome && history.Outcome == "" {
			t.Fatal("the outcome was never told")
		}
	})
}

func TestByOrderGathersInOrderOfIDs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOf(rapid.Int64Range(1, 20)).Draw(t, "ids")
		var events []notification.Event
		for _, id := range ids {
			events = append(events, notification.Event{OrderID: id})
		}
		last, count := int64(0), 0
		for _, order := range notification.ByOrder(events) {
			if order.OrderID <= last {
				t.Fatalf("order %d after %d", order.OrderID, last)
			}
			last = order.OrderID
			count += len(order.Events)
			for _, e := range order.Events {
				if e.OrderID != order.OrderID {
					t.Fatalf("an event of order %d with order %d", e.OrderID, order.OrderID)
				}
			}
		}
		if count != len(ids) {
			t.Fatalf("%d events of %d", count, len(ids))
		}
	})
}
