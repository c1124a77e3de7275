package audit

import (
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
)

// Statuses.
const (
	pending  = "PENDING"
	reserved = "RESERVED"
	rejected = "REJECTED"
	failed   = "FAILED"
)

// caseFile is all that is known of one order.
type caseFile struct {
	id      int64
	order   *orderFacts
	outcome *outcomeFacts
	told    toldFacts
	events  []eventFact
}

// maxEvents bounds a case: an order whose event was repeated endlessly. What is left out is a repetition as a rule.
const maxEvents = 1000

type orderFacts struct {
	eventID eventID
	status  string
	awaited bool // it is published again until it is answered
}

type outcomeFacts struct {
	status string
	at     time.Time
}

type toldFacts struct {
	known   bool // the notification service has decided about the order
	failed  bool
	outcome string
	notices int64 // how many rows it wrote
	rows    []noticeFact
}

type noticeFact struct{ status, receiver, state string }

type eventID [16]byte

// parseEventID makes an id of a text: a UUID's bytes, or a hash of anything else.
func parseEventID(text string) eventID {
	if id, err := uuid.Parse(text); err == nil {
		return eventID(id)
	}
	sum := sha256.Sum256([]byte(text))
	return eventID(sum[:16])
}

type eventKind uint8

const (
	createdEvent  eventKind = iota // an order.created that inventory has not committed yet
	reservedEvent                  // inventory.reserved
	rejectedEvent                  // inventory.rejected
	letterEvent                    // a dead letter of an order that inventory could not decide
)

func (k eventKind) status() string {
	return [...]string{createdEvent: pending, reservedEvent: reserved, rejectedEvent: rejected, letterEvent: failed}[k]
}

func (k eventKind) outcome() bool { return k == reservedEvent || k == rejectedEvent }

// eventFact is what is kept of a record.
type eventFact struct {
	orderID   int64
	offset    int64
	partition int32
	kind      eventKind
	early     bool // it was there before the databases were looked at
	id        eventID
	cause     eventID
}

// horizon tells what the topics still hold, and how far the services have come.
type horizon struct {
	// complete says, by outcome, from when on its topic holds every event; zero: since ever.
	complete map[string]time.Time
	// done are the offsets before which a group has finished everything, by group, topic and partition.
	done map[string]map[partition]int64
}

type partition struct {
	topic  string
	number int32
}

// finished tells whether a group was through with a record before the databases were looked at.
func (h horizon) finished(group string, e eventFact) bool {
	return e.offset < h.done[group][partition{topics[e.kind], e.partition}]
}
