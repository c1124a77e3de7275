package notification

import (
	"cmp"
	"slices"
	"time"
)

// Event is something that happened to an order.
type Event struct {
	OrderID     int64
	Status      Status
	Reason      string
	At          time.Time
	TraceParent string
}

// History is what has been told of an order so far.
type History struct {
	Failed  bool
	Outcome Status // Reserved, Rejected, or empty while there is none
}

// Tell decides whether an event of this status is news, and gives the history after it. The first outcome is always
// news, after a failure too; a failure is news only while nothing else was told. What was told is never told again.
func (h History) Tell(status Status) (after History, news bool) {
	switch {
	case h.Outcome != "":
		return h, false
	case status == Failed:
		news = !h.Failed
		h.Failed = true
		return h, news
	default:
		h.Outcome = status
		return h, true
	}
}

// Fold decides for all events of an order that were found together. Outcomes go first, because topics are read in no
// common order: beside an outcome, a failure is no news any more.
func (h History) Fold(events []Event) (after History, news []Event) {
	for _, outcomes := range []bool{true, false} {
		for _, e := range events {
			if (e.Status != Failed) != outcomes {
				continue
			}
			var tell bool
			if h, tell = h.Tell(e.Status); tell {
				news = append(news, e)
			}
		}
	}
	return h, news
}

// OrderEvents are the events of one order.
type OrderEvents struct {
	OrderID int64
	Events  []Event
}

// ByOrder gathers a batch's events, in order-id order, in which every ledger locks.
func ByOrder(events []Event) []OrderEvents {
	sorted := slices.Clone(events)
	slices.SortStableFunc(sorted, func(a, b Event) int { return cmp.Compare(a.OrderID, b.OrderID) })
	var orders []OrderEvents
	for start, end := 0, 0; start < len(sorted); start = end {
		for end = start + 1; end < len(sorted) && sorted[end].OrderID == sorted[start].OrderID; end++ {
		}
		orders = append(orders, OrderEvents{OrderID: sorted[start].OrderID, Events: sorted[start:end:end]})
	}
	return orders
}
