package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/openorder/openorder/services/notification"
)

func recordsNews(t *testing.T, l Ledger) {
	both := []string{anna, bert}
	want(t, "news", []notification.Event{event(1, notification.Reserved), event(2, notification.Failed)},
		record(t, l, both, event(2, notification.Failed), event(1, notification.Reserved)))
	want(t, "an outcome after a failure", []notification.Event{event(2, notification.Rejected)}, record(t, l, both, event(2, notification.Rejected)))
	want(t, "a failure after an outcome", nil, record(t, l, both, event(1, notification.Failed)))
	want(t, "the ledger", []notification.ID{
		{OrderID: 2, Status: notification.Rejected, Receiver: bert}, {OrderID: 2, Status: notification.Rejected, Receiver: anna},
		{OrderID: 2, Status: notification.Failed, Receiver: bert}, {OrderID: 2, Status: notification.Failed, Receiver: anna},
		{OrderID: 1, Status: notification.Reserved, Receiver: bert}, {OrderID: 1, Status: notification.Reserved, Receiver: anna},
	}, ids(list(t, l, notification.Filter{})))
}

func recordsNothingTwice(t *testing.T, l Ledger) {
	events := []notification.Event{event(1, notification.Reserved), event(2, notification.Failed), event(2, notification.Failed)}
	record(t, l, []string{anna}, events...)
	before := list(t, l, notification.Filter{})
	want(t, "news of a redelivery", nil, record(t, l, []string{anna}, events...))
	want(t, "news to a new receiver", nil, record(t, l, []string{anna, bert}, events...))
	want(t, "the ledger", before, list(t, l, notification.Filter{}))
}

func decidesInBatches(t *testing.T, l Ledger) {
	record(t, l, []string{anna}, event(5, notification.Failed), event(6, notification.Reserved))
	var batch []notification.Event
	for id := int64(10); id > 0; id-- {
		batch = append(batch, event(id, notification.Failed), event(id, notification.Rejected), event(id, notification.Rejected))
	}
	record(t, l, []string{anna}, batch...)
	for id := int64(1); id <= 10; id++ {
		var told []notification.Status
		for _, n := range list(t, l, notification.Filter{OrderID: id}) {
			told = append(told, n.Status)
		}
		expected := []notification.Status{notification.Rejected}
		switch id {
		case 5:
			expected = []notification.Status{notification.Rejected, notification.Failed}
		case 6:
			expected = []notification.Status{notification.Reserved}
		}
		want(t, "order", expected, told)
	}
}

func keepsTexts(t *testing.T, l Ledger) {
	e := notification.Event{OrderID: 1<<53 - 1, Status: notification.Failed, Reason: `"quoted", {braced}, naïve ✓, \back`, At: at, TraceParent: "00-4bf9-00f0-01"}
	record(t, l, []string{anna}, e)
	got := only(t, l, e.OrderID)
	expected := notification.Notification{
		ID:     notification.ID{OrderID: e.OrderID, Status: e.Status, Receiver: anna},
		Reason: e.Reason, At: at, TraceParent: e.TraceParent, State: notification.Pending,
	}
	if diff := cmp.Diff(expected, got, cmpopts.IgnoreFields(notification.Notification{}, "DueAt", "CreatedAt", "ChangedAt")); diff != "" {
		t.Error(diff)
	}
	want(t, "claimed", expected.Reason, claim(t, l, claimant(anna), 1, hour).Notifications[0].Reason)
}

func remembersWithoutReceivers(t *testing.T, l Ledger) {
	want(t, "news", []notification.Event{event(1, notification.Reserved)}, record(t, l, nil, event(1, notification.Reserved)))
	want(t, "a late failure", nil, record(t, l, []string{anna}, event(1, notification.Failed)))
}

func probes(t *testing.T, l Ledger) {
	for range 2 {
		if err := l.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want(t, "the ledger", nil, list(t, l, notification.Filter{}))
}
