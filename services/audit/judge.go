package audit

import (
	"slices"

	"github.com/openorder/openorder/services/internal/event"
)

// judge holds one order against the invariants. What was committed by a consumer group before the databases were looked
// at must show in them; everything after that is in flight. An order that is published again until it is answered heals
// by itself, and counts as in flight too.
func judge(c *caseFile, h horizon) findings {
	var f findings
	e := survey(c, h)
	judgeResolved(&f, c, e)
	judgeEvents(&f, c, e, h)
	judgeStatus(&f, c, e)
	judgeNotified(&f, c, e)
	judgeTold(&f, c)
	return f
}

// evidence is what a case's events say together.
type evidence struct {
	statuses  []string  // of outcome events, each once
	ids       []eventID // of outcome events, each once
	early     []string  // statuses of those that were there before the databases were looked at
	letters   int
	deciding  bool     // inventory has its order.created before it
	answered  bool     // the order service has finished an outcome caused by the order's own event
	answering bool     // such an outcome is before it
	toldOf    []string // statuses that the notification service has finished
	telling   bool     // something is before it
}

func survey(c *caseFile, h horizon) evidence {
	var e evidence
	for _, ev := range c.events {
		if ev.kind == createdEvent {
			e.deciding = true
			continue
		}
		if h.finished(event.GroupNotification, ev) {
			e.toldOf = append(e.toldOf, ev.kind.status())
		} else {
			e.telling = true
		}
		if ev.kind == letterEvent {
			e.letters++
			continue
		}
		e.outcome(c, ev, h)
	}
	e.statuses, e.early, e.toldOf = unique(e.statuses), unique(e.early), unique(e.toldOf)
	return e
}

func (e *evidence) outcome(c *caseFile, ev eventFact, h horizon) {
	e.statuses = append(e.statuses, ev.kind.status())
	if ev.early {
		e.early = append(e.early, ev.kind.status())
	}
	if !slices.Contains(e.ids, ev.id) {
		e.ids = append(e.ids, ev.id)
	}
	if c.order == nil || ev.cause != c.order.eventID {
		return
	}
	if h.finished(event.GroupOrder, ev) {
		e.answered = true
	} else {
		e.answering = true
	}
}

func unique(statuses []string) []string {
	slices.Sort(statuses)
	return slices.Compact(statuses)
}

func judgeResolved(f *findings, c *caseFile, e evidence) {
	if c.order == nil {
		return
	}
	switch status := c.order.status; {
	case c.outcome != nil || e.letters > 0:
		f.hold(OrdersResolved)
	case status == pending && c.order.awaited:
		f.underWay(OrdersResolved)
	case status == pending:
		f.broke(OrdersResolved, "order %d is neither decided nor dead-lettered, and nothing will publish it again", c.id)
	case status == failed:
		f.broke(OrdersResolved, "order %d is FAILED, but its dead letter is gone", c.id)
	default:
		f.broke(OrdersResolved, "order %d is %s, but inventory stores no outcome", c.id, status)
	}
}

func judgeEvents(f *findings, c *caseFile, e evidence, h horizon) {
	if len(e.statuses) > 1 {
		f.broke(OneOutcome, "order %d has events of both outcomes", c.id)
	} else if len(e.ids) > 1 {
		f.broke(OneOutcome, "order %d has outcome events with %d different event ids", c.id, len(e.ids))
	} else if len(e.ids) == 1 {
		f.hold(OneOutcome)
	}
	if c.outcome != nil {
		judgeOutcomeEvent(f, c, e, h)
	}
	for _, status := range e.early {
		switch {
		case c.outcome == nil:
			f.broke(EventOutcome, "order %d has an event %s, but inventory stores no outcome", c.id, status)
		case c.outcome.status != status:
			f.broke(EventOutcome, "order %d has an event %s, but inventory stores %s", c.id, status, c.outcome.status)
		default:
			f.hold(EventOutcome)
		}
	}
}

func judgeOutcomeEvent(f *findings, c *caseFile, e evidence, h horizon) {
	switch {
	case slices.Contains(e.statuses, c.outcome.status):
		f.hold(OutcomeEvent)
	case e.deciding || c.waits():
		f.underWay(OutcomeEvent)
	case c.expired(h):
	default:
		f.broke(OutcomeEvent, "order %d is stored as %s, but has no such event", c.id, c.outcome.status)
	}
}

// waits tells whether the order will be published again, which makes inventory answer again.
func (c *caseFile) waits() bool {
	return c.order != nil && c.order.status == pending && c.order.awaited
}

// expired tells whether the outcome is so old that its event may have been deleted with its topic's beginning.
func (c *caseFile) expired(h horizon) bool {
	return c.outcome != nil && c.outcome.at.Before(h.complete[c.outcome.status])
}

func judgeStatus(f *findings, c *caseFile, e evidence) {
	if c.order == nil || (c.outcome == nil && c.order.status != reserved && c.order.status != rejected) {
		return
	}
	final := c.order.status == reserved || c.order.status == rejected
	switch {
	case c.outcome == nil:
		f.broke(OrderStatus, "order %d is %s, but inventory stores no outcome", c.id, c.order.status)
	case final && c.order.status != c.outcome.status:
		f.broke(OrderStatus, "order %d is %s, but inventory stores %s", c.id, c.order.status, c.outcome.status)
	case final:
		f.hold(OrderStatus)
	case e.answered:
		f.broke(OrderStatus, "order %d is %s, but its outcome %s was read", c.id, c.order.status, c.outcome.status)
	case e.answering || e.deciding || c.waits():
		f.underWay(OrderStatus)
	default:
		f.broke(OrderStatus, "order %d is %s, and nothing will tell it that it is %s", c.id, c.order.status, c.outcome.status)
	}
}

func judgeNotified(f *findings, c *caseFile, e evidence) {
	for _, status := range e.toldOf {
		switch {
		case status == failed && !c.told.failed && c.told.outcome == "":
			f.broke(Notified, "the dead letter of order %d was read, but not recorded", c.id)
			return
		case status != failed && c.told.outcome == "":
			f.broke(Notified, "the event %s of order %d was read, but not recorded", status, c.id)
			return
		}
	}
	told := c.told
	if int64(len(told.rows)) != told.notices {
		f.broke(Notified, "order %d has %d rows in the ledger instead of %d", c.id, len(told.rows), told.notices)
		return
	}
	for _, row := range told.rows {
		if !(row.status == told.outcome || (row.status == failed && told.failed)) {
			f.broke(Notified, "order %d has a row %s in the ledger that was never decided", c.id, row.status)
			return
		}
	}
	switch {
	case told.known:
		f.hold(Notified)
	case e.telling:
		f.underWay(Notified)
	}
}

func judgeTold(f *findings, c *caseFile) {
	if c.told.outcome != "" {
		switch {
		case c.outcome == nil:
			f.broke(ToldTruth, "order %d was told to be %s, but inventory stores no outcome", c.id, c.told.outcome)
		case c.outcome.status != c.told.outcome:
			f.broke(ToldTruth, "order %d was told to be %s, but inventory stores %s", c.id, c.told.outcome, c.outcome.status)
		default:
			f.hold(ToldTruth)
		}
	}
	if len(c.told.rows) == 0 {
		return
	}
	outcomes, deliveries := map[string]string{}, map[noticeFact]int{}
	for _, row := range c.told.rows {
		if row.status != failed {
			if before := outcomes[row.receiver]; before != "" && before != row.status {
				f.broke(ToldOnce, "%s is told that order %d is %s and %s", row.receiver, c.id, before, row.status)
				return
			}
			outcomes[row.receiver] = row.status
		}
		row.state = ""
		if deliveries[row]++; deliveries[row] > 1 {
			f.broke(ToldOnce, "%s is told twice that order %d is %s", row.receiver, c.id, row.status)
			return
		}
	}
	f.hold(ToldOnce)
}

// totals are what a case adds to them.
func (c *caseFile) totals(h horizon) Totals {
	var t Totals
	decided := c.outcome != nil
	e := survey(c, h)
	if c.order != nil {
		t.Orders = 1
		if !decided && (c.order.status == failed || e.letters > 0) {
			t.Failed = 1
		} else if !decided && c.order.status == pending {
			t.Waiting = 1
		}
	}
	if decided {
		t.Outcomes = 1
		if c.order == nil {
			t.Foreign = 1
		}
		if c.expired(h) && !slices.Contains(e.statuses, c.outcome.status) {
			t.Expired = 1
		}
	}
	t.Notifications = int64(len(c.told.rows))
	for _, row := range c.told.rows {
		switch row.state {
		case "pending", "claimed":
			t.Delivering++
		case "given_up", "gone":
			t.Undelivered++
		}
	}
	return t
}
