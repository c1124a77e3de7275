package notification

import (
	"context"
	"regexp"
)

// Sender delivers notifications to one receiver.
type Sender interface {
	// Ready tells what the sender still waits for, such as a file that does not exist yet. Meanwhile nothing is claimed.
	Ready() error
	// Send makes one attempt for each, within SendTimeout, and returns a Result each, in the same order.
	Send(ctx context.Context, batch []Notification) []Result
}

// receiverID is what a receiver's id is made of.
var receiverID = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// IsReceiverID tells whether a receiver could have such an id.
func IsReceiverID(text string) bool { return receiverID.MatchString(text) }

// Receiver is somebody who is told.
type Receiver struct {
	ID       string // letters, digits and _; stands in the ledger and in metrics
	Address  string // as shown to people
	Sender   Sender
	Batch    int // how many a Send takes at most
	Parallel int // how many Sends may run at once
}
