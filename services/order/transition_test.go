package order_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/order"
)

func pending() order.Order {
	return order.Order{ID: 1 << 40, EventID: uuid.New(), UserID: 1, Status: order.Pending, CreatedAt: time.Unix(0, 0).UTC()}
}

func report(o order.Order, kind order.Kind, cause string) order.Report {
	r := order.Report{OrderID: o.ID, EventID: o.EventID.String(), Kind: kind, Cause: cause, At: time.Unix(1, 0)}
	if kind == order.DeadLettered {
		r.Group = event.GroupInventory
	}
	return r
}

func TestAnOrderAdvances(t *testing.T) {
	reserved, rejected, dead := order.WasReserved, order.WasRejected, order.DeadLettered
	for name, test := range map[string]struct {
		kinds    []order.Kind
		status   order.Status
		verdicts []order.Verdict
	}{
		"reserved":                        {[]order.Kind{reserved}, order.Reserved, []order.Verdict{order.Applied}},
		"rejected":                        {[]order.Kind{rejected}, order.Rejected, []order.Verdict{order.Applied}},
		"dead-lettered":                   {[]order.Kind{dead}, order.Failed, []order.Verdict{order.Applied}},
		"redriven and reserved":           {[]order.Kind{dead, reserved}, order.Reserved, []order.Verdict{order.Applied, order.Applied}},
		"redriven and rejected":           {[]order.Kind{dead, rejected}, order.Rejected, []order.Verdict{order.Applied, order.Applied}},
		"dead-lettered twice":             {[]order.Kind{dead, dead, reserved}, order.Reserved, []order.Verdict{order.Applied, order.Noted, order.Applied}},
		"a dead letter after the outcome": {[]order.Kind{reserved, dead}, order.Reserved, []order.Verdict{order.Applied, order.Noted}},
		"an outcome after the outcome":    {[]order.Kind{rejected, reserved}, order.Rejected, []order.Verdict{order.Applied, order.Settled}},
	} {
		t.Run(name, func(t *testing.T) {
			o := pending()
			for i, kind := range test.kinds {
				var verdict order.Verdict
				if o, verdict = o.Advance(report(o, kind, fmt.Sprint(i))); verdict != test.verdicts[i] {
					t.Fatalf("report %d: %s, want %s", i, verdict, test.verdicts[i])
				}
			}
			if o.Status != test.status {
				t.Fatalf("%s, want %s", o.Status, test.status)
			}
		})
	}
}

func TestReportsThatAreNotAboutTheOrder(t *testing.T) {
	o := pending()
	for name, test := range map[string]struct {
		change func(*order.Report)
		want   order.Verdict
	}{
		"another order":                {func(r *order.Report) { r.OrderID++ }, order.Unknown},
		"another event":                {func(r *order.Report) { r.EventID = uuid.NewString() }, order.Foreign},
		"no event, as the original's":  {func(r *order.Report) { r.EventID = "" }, order.Foreign},
		"another group's dead letter":  {func(r *order.Report) { r.Group = event.GroupNotification }, order.Alien},
		"a dead letter without origin": {func(r *order.Report) { r.Group = "" }, order.Alien},
	} {
		t.Run(name, func(t *testing.T) {
			r := report(o, order.DeadLettered, "letter")
			test.change(&r)
			after, verdict := o.Advance(r)
			if verdict != test.want {
				t.Fatalf("%s, want %s", verdict, test.want)
			}
			if diff := cmp.Diff(o, after); diff != "" {
				t.Fatal("changed: ", diff)
			}
		})
	}
}

// Whatever is reported in whatever order, however often: final statuses stay, nothing happens twice, and FAILED follows
// only PENDING.
func TestStateMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := pending()
		kinds := []order.Kind{order.WasReserved, order.WasRejected, order.DeadLettered}
		groups := []string{event.GroupInventory, event.GroupOrder, "others"}
		for range rapid.IntRange(1, 30).Draw(t, "reports") {
			r := report(o, rapid.SampledFrom(kinds).Draw(t, "kind"), fmt.Sprint(rapid.IntRange(0, 8).Draw(t, "cause")))
			r.Cause += string(r.Kind)
			if r.Kind == order.DeadLettered {
				r.Group = rapid.SampledFrom(groups).Draw(t, "group")
			}
			if rapid.IntRange(0, 4).Draw(t, "foreign") == 0 {
				r.EventID = uuid.NewString()
			}
			before := o
			after, verdict := o.Advance(r)
			mine := r.EventID == o.EventID.String() && (r.Kind != order.DeadLettered || r.Group == event.GroupInventory)
			switch {
			case !mine && (verdict == order.Applied || verdict == order.Noted):
				t.Fatalf("%v was applied", r)
			case before.Status.Final() && after.Status != before.Status:
				t.Fatalf("%s became %s", before.Status, after.Status)
			case after.Status == order.Failed && before.Status != order.Failed && before.Status != order.Pending:
				t.Fatalf("%s became FAILED", before.Status)
			case after.Status == order.Pending && before.Status != order.Pending:
				t.Fatalf("%s became PENDING again", before.Status)
			case mine && r.Kind != order.DeadLettered && !after.Status.Final():
				t.Fatalf("%s after %s", after.Status, r.Kind)
			case len(after.Outcomes) > len(before.Outcomes) != (verdict == order.Applied || verdict == order.Noted):
				t.Fatalf("history grew from %d to %d: %s", len(before.Outcomes), len(after.Outcomes), verdict)
			}
			if again, verdict := after.Advance(r); !cmp.Equal(after, again) || verdict == order.Applied || verdict == order.Noted {
				t.Fatalf("a repeat was %s", verdict)
			}
			if diff := cmp.Diff(before, o); diff != "" {
				t.Fatal("the order before was changed:", diff)
			}
			o = after
		}
		for i, entry := range o.History()[1:] {
			if entry.Status != o.Outcomes[i].Status {
				t.Fatal("an entry's place in the history changed")
			}
		}
	})
}

func TestHistoryIsBounded(t *testing.T) {
	o := pending()
	for i := range 500 {
		o, _ = o.Advance(report(o, order.DeadLettered, fmt.Sprint(i)))
	}
	if len(o.Outcomes) > 100 {
		t.Fatalf("%d entries", len(o.Outcomes))
	}
	if o, verdict := o.Advance(report(o, order.WasReserved, "at last")); verdict != order.Applied || o.Status != order.Reserved {
		t.Fatalf("a full history keeps the outcome out: %s, %s", verdict, o.Status)
	}
}

// A machine without a battery begins in 1970.
func TestOrderIDsLieAboveTheOriginalsHoweverFarBehindTheClockIs(t *testing.T) {
	for _, now := range []time.Time{time.Unix(0, 0), time.Date(2023, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if id := order.FirstID(now); id <= 100_000_000 {
			t.Errorf("%d at %s", id, now)
		}
	}
}

func TestOrderIDsCarryTimeAndFitJavaScript(t *testing.T) {
	for _, now := range []time.Time{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2092, 12, 31, 0, 0, 0, 0, time.UTC)} {
		id := order.FirstID(now)
		if id <= 100_000_000 || id >= 1<<53 {
			t.Errorf("%d at %s", id, now)
		}
		if !order.IDTime(id).Equal(now) {
			t.Errorf("%d says %s, not %s", id, order.IDTime(id), now)
		}
	}
}
