package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/order"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123_000, time.UTC)

func reserved(o order.Order) order.Report {
	return order.Report{OrderID: o.ID, EventID: o.EventID.String(), Kind: order.WasReserved, At: noon, Cause: event.OutcomeEventID(o.ID).String()}
}

func rejected(o order.Order) order.Report {
	r := reserved(o)
	r.Kind, r.Reason = order.WasRejected, "OUT_OF_STOCK"
	return r
}

func deadLetter(o order.Order, cause string) order.Report {
	return order.Report{OrderID: o.ID, EventID: o.EventID.String(), Kind: order.DeadLettered, Group: event.GroupInventory,
		Reason: "it \x00 failed \xff", At: noon, Cause: cause}
}

func verdicts(decisions []order.Decision) []order.Verdict {
	var all []order.Verdict
	for _, d := range decisions {
		all = append(all, d.Verdict)
	}
	return all
}

func applies(t *testing.T, a, b order.Store) {
	group := inserted(t, a, 4)
	stranger := group[0]
	stranger.ID = 7
	foreign := reserved(group[0])
	foreign.EventID = group[1].EventID.String()
	decisions, err := a.Apply(t.Context(), []order.Report{
		reserved(group[2]), deadLetter(group[0], "letter 1"), reserved(group[2]), foreign, rejected(group[1]),
		reserved(stranger), deadLetter(group[2], "letter 2"),
	})
	must(t, err)
	want := []order.Verdict{order.Applied, order.Applied, order.Repeated, order.Foreign, order.Applied, order.Unknown, order.Noted}
	if diff := cmp.Diff(want, verdicts(decisions)); diff != "" {
		t.Fatal(diff)
	}
	decisions, err = b.Apply(t.Context(), []order.Report{reserved(group[0]), rejected(group[1]), deadLetter(group[0], "letter 1")})
	must(t, err)
	if diff := cmp.Diff([]order.Verdict{order.Applied, order.Repeated, order.Repeated}, verdicts(decisions)); diff != "" {
		t.Fatal(diff)
	}
	for i, want := range []struct {
		status   order.Status
		reason   string
		outcomes []order.Entry
	}{
		{order.Reserved, "", []order.Entry{
			{Kind: order.DeadLettered, Status: order.Failed, Reason: "it � failed �", At: noon, Cause: "letter 1"},
			{Kind: order.WasReserved, Status: order.Reserved, At: noon, Cause: event.OutcomeEventID(group[0].ID).String()},
		}},
		{order.Rejected, "OUT_OF_STOCK", []order.Entry{
			{Kind: order.WasRejected, Status: order.Rejected, Reason: "OUT_OF_STOCK", At: noon, Cause: event.OutcomeEventID(group[1].ID).String()},
		}},
		{order.Reserved, "", []order.Entry{
			{Kind: order.WasReserved, Status: order.Reserved, At: noon, Cause: event.OutcomeEventID(group[2].ID).String()},
			{Kind: order.DeadLettered, Status: order.Reserved, Reason: "it � failed �", At: noon, Cause: "letter 2"},
		}},
		{order.Pending, "", nil},
	} {
		got := find(t, b, group[i].ID)
		if got.Status != want.status || got.Reason() != want.reason {
			t.Fatalf("order %d is %s %q, want %s %q", i, got.Status, got.Reason(), want.status, want.reason)
		}
		if diff := cmp.Diff(want.outcomes, got.Outcomes); diff != "" {
			t.Fatal(diff)
		}
	}
}

func appliesConcurrently(t *testing.T, a, b order.Store) {
	group := inserted(t, a, 50)
	var reports []order.Report
	for _, o := range group {
		reports = append(reports, reserved(o), deadLetter(o, fmt.Sprint("letter of ", o.ID)))
	}
	backwards := slices.Clone(reports)
	slices.Reverse(backwards)
	var mu sync.Mutex
	counts := map[order.Verdict]int{}
	var replicas sync.WaitGroup
	for i, s := range []order.Store{a, b, a, b} {
		replicas.Go(func() {
			decisions, err := s.Apply(context.Background(), [][]order.Report{reports, backwards}[i%2])
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, v := range verdicts(decisions) {
				counts[v]++
			}
		})
	}
	replicas.Wait()
	if changes := counts[order.Applied] + counts[order.Noted]; changes != 100 || counts[order.Repeated] != 300 {
		t.Fatalf("100 reports, four times each: %v", counts)
	}
	for _, o := range group {
		if got := find(t, b, o.ID); got.Status != order.Reserved || len(got.Outcomes) != 2 {
			t.Fatalf("order %d is %s with %d outcomes", o.ID, got.Status, len(got.Outcomes))
		}
	}
}

func changes(t *testing.T, a, b order.Store) {
	group := inserted(t, a, 3)
	_, err := a.Apply(t.Context(), []order.Report{deadLetter(group[0], "letter"), reserved(group[1])})
	must(t, err)
	changed, err := b.Changed(t.Context(), []order.Seen{{OrderID: group[0].ID, Entries: 2}, {OrderID: group[1].ID, Entries: 1}, {OrderID: group[2].ID, Entries: 1}})
	must(t, err)
	if diff := cmp.Diff([]int64{group[1].ID}, idsOf(changed)); diff != "" {
		t.Fatal(diff)
	}
	_, err = a.Apply(t.Context(), []order.Report{reserved(group[0])})
	must(t, err)
	changed, err = b.Changed(t.Context(), []order.Seen{{OrderID: group[0].ID, Entries: 2}})
	must(t, err)
	if len(changed) != 1 || changed[0].Status != order.Reserved || len(changed[0].Outcomes) != 2 {
		t.Fatalf("changed: %v", changed)
	}
}

func probes(t *testing.T, a, _ order.Store) {
	must(t, a.Probe(t.Context()))
	all, err := a.List(t.Context(), order.Query{Limit: 10})
	must(t, err)
	if len(all) != 0 {
		t.Fatalf("a probe left %v", all)
	}
}

func lists(t *testing.T, a, _ order.Store) {
	mine := inserted(t, a, 5)
	other := placed(t, a, 1)
	other[0].Order.UserID = 43
	_, err := a.Insert(t.Context(), other, 0)
	must(t, err)
	_, err = a.Apply(t.Context(), []order.Report{reserved(mine[0]), rejected(mine[1]), deadLetter(mine[2], "letter")})
	must(t, err)
	id := func(i int) int64 { return mine[i].ID }
	for name, test := range map[string]struct {
		query order.Query
		want  []int64
	}{
		"all":                  {order.Query{}, []int64{other[0].Order.ID, id(4), id(3), id(2), id(1), id(0)}},
		"a page":               {order.Query{Limit: 2}, []int64{other[0].Order.ID, id(4)}},
		"the page after":       {order.Query{Limit: 2, Before: id(4)}, []int64{id(3), id(2)}},
		"a user's":             {order.Query{UserID: 43}, []int64{other[0].Order.ID}},
		"a status":             {order.Query{Status: order.Pending}, []int64{other[0].Order.ID, id(4), id(3)}},
		"a user's of a status": {order.Query{UserID: 42, Status: order.Pending}, []int64{id(4), id(3)}},
		"reserved":             {order.Query{Status: order.Reserved}, []int64{id(0)}},
		"rejected":             {order.Query{Status: order.Rejected}, []int64{id(1)}},
		"failed":               {order.Query{Status: order.Failed}, []int64{id(2)}},
		"failed, page after":   {order.Query{Status: order.Failed, Before: id(2)}, []int64{}},
	} {
		if test.query.Limit == 0 {
			test.query.Limit = 10
		}
		got, err := a.List(t.Context(), test.query)
		must(t, err)
		if diff := cmp.Diff(test.want, idsOf(got)); diff != "" {
			t.Error(name, diff)
		}
	}
}
