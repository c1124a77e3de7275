package order

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/openorder/openorder/services/internal/event"
)

// Report is what another service says about an order: inventory's outcome, or a dead letter of the order's event.
type Report struct {
	OrderID int64
	EventID string // the order.created event it is about
	Kind    Kind   // WasReserved, WasRejected or DeadLettered
	Group   string // dead letters: the consumer group that gave the event up
	Reason  string
	At      time.Time
	Cause   string // tells reports apart: one that comes again has the same
}

// Verdict is what became of a report.
type Verdict string

// Verdicts. Only Applied changes the status; Noted adds to the history.
const (
	Applied  Verdict = "applied"
	Noted    Verdict = "noted"         // a dead letter that changes nothing any more: history only
	Repeated Verdict = "repeated"      // seen before
	Settled  Verdict = "settled"       // an outcome other than the one the order has: absorbed
	Overfull Verdict = "overfull"      // a further dead letter of an order whose history is full
	Foreign  Verdict = "foreign_event" // caused by another event than the order's own
	Unknown  Verdict = "unknown_order" // about an order that this service does not hold
	Alien    Verdict = "other_group"   // a dead letter of a consumer that decides nothing about orders
)

// Advance is the state machine: what an order is after a report. It changes nothing but what it returns.
//
//	PENDING -> RESERVED | REJECTED        by an outcome
//	PENDING -> FAILED                     by a dead letter of inventory
//	FAILED  -> RESERVED | REJECTED        by an outcome
//
// RESERVED and REJECTED absorb everything.
func (o Order) Advance(r Report) (Order, Verdict) {
	if r.OrderID != o.ID {
		return o, Unknown
	}
	if id, err := uuid.Parse(r.EventID); err != nil || id != o.EventID {
		return o, Foreign
	}
	if r.alien() {
		return o, Alien
	}
	for _, entry := range o.Outcomes {
		if entry.Cause == r.Cause {
			return o, Repeated
		}
	}
	next, verdict := o.Status.after(r.Kind)
	switch {
	case verdict == Settled:
		return o, Settled
	case verdict == Noted && len(o.Outcomes) >= maxHistory:
		return o, Overfull
	}
	entry := Entry{Kind: r.Kind, Status: next, Reason: shorten(r.Reason), At: r.At.UTC().Truncate(time.Microsecond), Cause: r.Cause}
	changed := o
	changed.Status = next
	changed.Outcomes = append(o.Outcomes[:len(o.Outcomes):len(o.Outcomes)], entry)
	return changed, verdict
}

// alien tells whether it is a dead letter of a consumer that decides nothing about orders.
func (r Report) alien() bool { return r.Kind == DeadLettered && r.Group != event.GroupInventory }

func (s Status) after(kind Kind) (Status, Verdict) {
	switch {
	case kind == DeadLettered && s == Pending:
		return Failed, Applied
	case kind == DeadLettered:
		return s, Noted
	case s.Final():
		return s, Settled
	case kind == WasReserved:
		return Reserved, Applied
	default:
		return Rejected, Applied
	}
}

// shorten keeps what databases and readers can take of a reason.
func shorten(reason string) string {
	if len(reason) > maxReason {
		cut := maxReason
		for cut > 0 && !utf8.RuneStart(reason[cut]) {
			cut--
		}
		reason = reason[:cut] + "…"
	}
	return strings.ReplaceAll(strings.ToValidUTF8(reason, "\uFFFD"), "\x00", "\uFFFD")
}

// Decide advances orders by reports, one after the other, and returns a decision a report and the orders that changed.
func Decide(orders []Order, reports []Report) ([]Decision, []Order) {
	current := make(map[int64]Order, len(orders))
	for _, o := range orders {
		current[o.ID] = o
	}
	var changed []int64
	decisions := make([]Decision, len(reports))
	for i, r := range reports {
		before, held := current[r.OrderID]
		if !held {
			decisions[i].Verdict = Unknown
			if r.alien() { // it need not say which order it is about
				decisions[i].Verdict = Alien
			}
			continue
		}
		after, verdict := before.Advance(r)
		decisions[i] = Decision{Verdict: verdict, Order: after}
		if len(after.Outcomes) > len(before.Outcomes) {
			current[r.OrderID] = after
			changed = append(changed, r.OrderID)
		}
	}
	slices.Sort(changed)
	changed = slices.Compact(changed)
	next := make([]Order, len(changed))
	for i, id := range changed {
		next[i] = current[id]
	}
	return decisions, next
}
