package inventory

import (
	"slices"
	"time"

	"github.com/openorder/openorder/services/internal/event"
)

// Reason is why an order was rejected; empty when it was reserved.
type Reason string

// Reasons.
const (
	OutOfStock Reason = "OUT_OF_STOCK"
	UnknownSKU Reason = "UNKNOWN_SKU"
)

// Outcome is what was decided about an order, once and for good.
type Outcome struct {
	Fingerprint Fingerprint
	Reason      Reason
	At          time.Time // when it was decided: UTC, microseconds
}

// Status is RESERVED or REJECTED.
func (o Outcome) Status() string {
	if o.Reason == "" {
		return event.StatusReserved
	}
	return event.StatusRejected
}

// Shortage is an item that lacked.
type Shortage struct {
	SKU       string
	Available int64
	Unknown   bool // nobody has ever put in any
}

// Reservation is all that is kept of an order.
type Reservation struct {
	OrderID int64
	Outcome
	Items   []event.Item
	Lacking []Shortage
}

// Rules are what a decision depends on beside stock.
type Rules struct {
	At      time.Time // of the decision
	FailSKU string    // orders with it fail; empty: none
}

// Result is what became of one order of a batch.
type Result struct {
	Outcome Outcome
	Lacking []Shortage // of a new outcome
	New     bool       // decided now, to be stored; else the outcome was stored before, or stands earlier in the batch
	Err     error      // ErrConflict or ErrFailSKU; there is no outcome then
}

// Decision is what became of a batch.
type Decision struct {
	Results []Result         // one an order
	Taken   map[string]int64 // what the new outcomes reserve, by sku
}

// Decide settles a batch in its order, each order whole or not at all. Stock holds every sku asked for that there is;
// stored holds the outcomes of those orders that have one: they get it again, whatever the rules say now.
func Decide(orders []Order, stock map[string]Stock, stored map[int64]Outcome, rules Rules) Decision {
	d := Decision{Results: make([]Result, len(orders)), Taken: make(map[string]int64, len(stock))}
	first := make(map[int64]int, len(orders))
	for i, order := range orders {
		outcome, decided := stored[order.ID]
		if !decided {
			if earlier, repeated := first[order.ID]; repeated {
				outcome, decided = d.Results[earlier].Outcome, true
			}
		}
		switch {
		case decided && outcome.Fingerprint != order.Fingerprint:
			d.Results[i] = Result{Err: ErrConflict}
		case decided:
			d.Results[i] = Result{Outcome: outcome}
		case rules.FailSKU != "" && order.has(rules.FailSKU):
			d.Results[i] = Result{Err: ErrFailSKU}
		default:
			d.Results[i] = d.settle(order, stock, rules.At)
			first[order.ID] = i
		}
	}
	return d
}

func (d Decision) settle(order Order, stock map[string]Stock, at time.Time) Result {
	result := Result{Outcome: Outcome{Fingerprint: order.Fingerprint, At: at}, New: true}
	for _, item := range order.Items {
		shelf, known := stock[item.SKU]
		available := shelf.Available() - d.Taken[item.SKU]
		switch {
		case !known:
			result.Outcome.Reason = UnknownSKU
			result.Lacking = append(result.Lacking, Shortage{SKU: item.SKU, Unknown: true})
		case available < item.Qty:
			if result.Outcome.Reason == "" {
				result.Outcome.Reason = OutOfStock
			}
			result.Lacking = append(result.Lacking, Shortage{SKU: item.SKU, Available: available})
		}
	}
	if result.Outcome.Reason == "" {
		for _, item := range order.Items {
			d.Taken[item.SKU] += item.Qty
		}
	}
	return result
}

func (o Order) has(sku string) bool {
	return slices.ContainsFunc(o.Items, func(item event.Item) bool { return item.SKU == sku })
}
