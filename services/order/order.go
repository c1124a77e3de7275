// Package order is the order service's domain: what an order is, how it is taken and kept, how its event gets out, and
// how what other services say about it changes its status. It knows neither Kafka nor SQL nor HTTP; those are the
// adapters in the sub-packages.
package order

import (
	"time"

	"github.com/google/uuid"

	"github.com/openorder/openorder/services/internal/event"
)

// Status is where an order stands.
type Status string

// An order begins PENDING. RESERVED and REJECTED are final. FAILED means that inventory gave the order up and left a
// dead letter; it becomes RESERVED or REJECTED when the letter is redriven and the order is decided after all.
const (
	Pending  Status = "PENDING"
	Reserved Status = "RESERVED"
	Rejected Status = "REJECTED"
	Failed   Status = "FAILED"
)

// Final tells whether nothing changes the status any more.
func (s Status) Final() bool { return s == Reserved || s == Rejected }

// Kind is what a history entry is about.
type Kind string

// Kinds of history entries.
const (
	Placed       Kind = "PLACED"
	WasReserved  Kind = "RESERVED"
	WasRejected  Kind = "REJECTED"
	DeadLettered Kind = "DEAD_LETTERED"
)

// Entry is one line of an order's history.
type Entry struct {
	Kind   Kind      `json:"kind"`
	Status Status    `json:"status"` // the order's status after it
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
	Cause  string    `json:"cause"` // what is told apart by this has happened once; a repeat changes nothing
}

// Order is an order and all that became of it.
type Order struct {
	ID          int64
	EventID     uuid.UUID // of its order.created event, the same however often that is published
	UserID      int64
	Items       event.Items
	CreatedAt   time.Time
	TraceParent string // W3C trace context of the request that placed it
	Status      Status
	Outcomes    []Entry // what happened since it was placed, in order of arrival
}

// History is everything that happened to the order. An entry's place in it, counted from 1, never changes.
func (o Order) History() []Entry {
	placed := Entry{Kind: Placed, Status: Pending, At: o.CreatedAt, Cause: o.EventID.String()}
	return append([]Entry{placed}, o.Outcomes...)
}

// Reason is why the order has its status: inventory's reason for REJECTED, the error for FAILED, else empty.
func (o Order) Reason() string {
	for i, entry := range o.Outcomes {
		if entry.Status == o.Status && (i == 0 || o.Outcomes[i-1].Status != o.Status) {
			return entry.Reason
		}
	}
	return ""
}
