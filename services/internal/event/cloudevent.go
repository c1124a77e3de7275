package event

import "time"

// CloudEvent is what an event's headers say. Empty fields are left out.
type CloudEvent struct {
	ID          string    // the event id, as in the payload
	Source      string    // "/openorder/order-service"
	Type        string    // the topic's name
	Time        time.Time // when it happened
	Subject     string    // the order id as decimal text
	Causation   string    // the event id of what caused it, see HeaderCausation
	TraceParent string    // W3C trace context
	TraceState  string
}
