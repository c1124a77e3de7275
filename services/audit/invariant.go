// Package audit checks on a running system that nothing was lost, oversold or told twice: orders against outcomes against
// events against stock against notifications. It only reads.
package audit

import "fmt"

// Invariant is something that always holds.
type Invariant struct {
	Name      string
	Statement string
}

// The invariants.
var (
	OrdersResolved = Invariant{"orders-resolved", "every acknowledged order has an outcome or a dead letter, or will be published"}
	OneOutcome     = Invariant{"one-outcome", "no order has events of two outcomes"}
	OutcomeEvent   = Invariant{"outcome-event", "every stored outcome has its event"}
	EventOutcome   = Invariant{"event-outcome", "every outcome event has its stored outcome"}
	OrderStatus    = Invariant{"order-status", "every order's status agrees with its outcome"}
	Notified       = Invariant{"notified", "what an order came to is in the notification ledger, for each receiver"}
	ToldOnce       = Invariant{"told-once", "no receiver got an outcome twice, or two outcomes of an order"}
	ToldTruth      = Invariant{"told-truth", "no receiver was told another outcome than the stored one"}
	NotOversold    = Invariant{"not-oversold", "of every sku, onHand >= reserved >= 0"}
	ReservedSum    = Invariant{"reserved-sum", "of every sku, reserved is the sum over the RESERVED outcomes"}
)

var invariants = []Invariant{
	OrdersResolved, OneOutcome, OutcomeEvent, EventOutcome, OrderStatus, Notified, ToldOnce, ToldTruth, NotOversold, ReservedSum,
}

// maxExamples bounds how many breaches of an invariant are named.
const maxExamples = 10

// Count is how an invariant fared.
type Count struct {
	Invariant string   `json:"invariant"`
	Statement string   `json:"statement"`
	Checked   int64    `json:"checked"`
	InFlight  int64    `json:"inFlight"` // not yet, but under way
	Broken    int64    `json:"broken"`
	Examples  []string `json:"examples,omitempty"`
}

// Totals are what there was to check, and what is neither right nor wrong.
type Totals struct {
	Orders        int64 `json:"orders"`
	Outcomes      int64 `json:"outcomes"`
	Events        int64 `json:"events"`
	DeadLetters   int64 `json:"deadLetters"`   // of orders that inventory could not decide
	Notifications int64 `json:"notifications"` // rows of the ledger
	SKUs          int64 `json:"skus"`

	Waiting     int64 `json:"waiting"`     // orders that are still to be decided
	Failed      int64 `json:"failed"`      // dead-lettered orders that wait for a redrive
	Expired     int64 `json:"expired"`     // outcomes older than what is left of their topic
	Foreign     int64 `json:"foreign"`     // outcomes of orders that the order service does not hold
	Unreadable  int64 `json:"unreadable"`  // records that are no event
	Undelivered int64 `json:"undelivered"` // notifications that are given up or gone
	Delivering  int64 `json:"delivering"`  // notifications that are still to be delivered
}

// Report is what an audit found.
type Report struct {
	Invariants []Count `json:"invariants"`
	Totals     Totals  `json:"totals"`
	Broken     int     `json:"broken"` // invariants
}

// tally counts as cases are judged.
type tally struct {
	counts map[string]*Count
	totals Totals
}

func newTally() *tally {
	t := &tally{counts: map[string]*Count{}}
	for _, i := range invariants {
		t.counts[i.Name] = &Count{Invariant: i.Name, Statement: i.Statement}
	}
	return t
}

func (t *tally) add(findings []finding) {
	for _, f := range findings {
		c := t.counts[f.invariant.Name]
		c.Checked++
		switch f.verdict {
		case inFlight:
			c.InFlight++
		case broken:
			c.Broken++
			if len(c.Examples) < maxExamples {
				c.Examples = append(c.Examples, f.detail)
			}
		}
	}
}

func (t *tally) report() Report {
	r := Report{Totals: t.totals}
	for _, i := range invariants {
		c := *t.counts[i.Name]
		if c.Broken > 0 {
			r.Broken++
		} else {
			c.Examples = nil
		}
		r.Invariants = append(r.Invariants, c)
	}
	return r
}

type verdict int

const (
	holds verdict = iota
	inFlight
	broken
)

// finding is how one case fares with one invariant.
type finding struct {
	invariant Invariant
	verdict   verdict
	detail    string
}

// findings gathers them.
type findings []finding

func (f *findings) hold(i Invariant)     { *f = append(*f, finding{i, holds, ""}) }
func (f *findings) underWay(i Invariant) { *f = append(*f, finding{i, inFlight, ""}) }
func (f *findings) broke(i Invariant, format string, args ...any) {
	*f = append(*f, finding{i, broken, fmt.Sprintf(format, args...)})
}

func anyBroken(all []finding) bool {
	for _, f := range all {
		if f.verdict == broken {
			return true
		}
	}
	return false
}
