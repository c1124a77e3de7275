// Package notification decides what customers are told about an order, keeps a ledger of it, and delivers it on a
// schedule. It knows neither Kafka nor SQL nor HTTP.
package notification

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Status is what a customer is told that an order came to.
type Status string

// What an order can come to. Failed is not the end: a dead letter that is redriven ends in one of the others.
const (
	Reserved Status = "RESERVED"
	Rejected Status = "REJECTED"
	Failed   Status = "FAILED"
)

// State is how far a notification's delivery has come.
type State string

// Pending waits for its next attempt, Claimed has one under way. The other three are ends; GivenUp and Gone can be
// re-armed.
const (
	Pending   State = "pending"
	Claimed   State = "claimed"
	Delivered State = "delivered"
	GivenUp   State = "given_up"
	Gone      State = "gone"
)

// ID names a notification: one for each order, status and receiver. It is the webhook-id too, the same over retries,
// replicas and a restored database.
type ID struct {
	OrderID  int64
	Status   Status
	Receiver string
}

// String is the id as shown outside, such as 7301-RESERVED-log.
func (id ID) String() string {
	return strconv.FormatInt(id.OrderID, 10) + "-" + string(id.Status) + "-" + id.Receiver
}

// ParseID reads what String wrote.
func ParseID(text string) (ID, error) {
	parts := strings.SplitN(text, "-", 3)
	if len(parts) != 3 || !IsReceiverID(parts[2]) {
		return ID{}, fmt.Errorf("%q is not ORDER-STATUS-RECEIVER", text)
	}
	orderID, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil || orderID <= 0 {
		return ID{}, fmt.Errorf("%q does not begin with an order id", text)
	}
	status := Status(parts[1])
	if status != Reserved && status != Rejected && status != Failed {
		return ID{}, fmt.Errorf("%q names none of the statuses RESERVED, REJECTED, FAILED", text)
	}
	return ID{OrderID: orderID, Status: status, Receiver: parts[2]}, nil
}

// Notification is a line of the ledger.
type Notification struct {
	ID
	Reason      string    // why it was rejected or failed
	At          time.Time // when the order came to it
	TraceParent string    // W3C trace context of the event it tells of

	State     State
	Attempts  int
	DueAt     time.Time // Pending: of the next attempt; Claimed: when the claim ends
	LastError string
	CreatedAt time.Time
	ChangedAt time.Time
}

// Filter chooses lines of the ledger; zero fields do not matter.
type Filter struct {
	OrderID int64
	Status  Status
	State   State
	Before  *ID // only what List gives after this one
	Limit   int
}

// Claim is what a receiver's courier holds for a while.
type Claim struct {
	Notifications []Notification
	Gone          bool          // the receiver answered 410 and nobody has re-armed it since
	Next          time.Duration // until the next one is due, at most what was asked for
}

// Settlement ends a claimed notification's attempt.
type Settlement struct {
	ID       ID
	State    State
	Attempts int
	RetryIn  time.Duration // for Pending
	Error    string
}

// Verdict is what an attempt told about the receiver as a whole.
type Verdict struct {
	Gone  bool
	Pause time.Duration // it asked to be left alone for so long
}

// Backlog is a receiver and what has not been delivered to it.
type Backlog struct {
	Receiver    string
	Address     string
	GoneSince   time.Time // zero unless it answered 410
	PausedUntil time.Time // zero unless it asked for a pause
	Waiting     int64     // pending and claimed
	OldestSince time.Time // when the oldest of those was recorded
	GivenUp     int64
	Gone        int64
}

// ErrNotFound says that there is no such notification or receiver.
var ErrNotFound = errors.New("not found")

// ErrNotEnded says that a notification cannot be re-armed, because it was delivered or still is to be.
var ErrNotEnded = errors.New("only a notification that is given_up or gone can be re-armed")
