// Package deadletter is what there is to know of a dead letter, whichever framework wrote it: where it came from, why it
// died, whether a filter wants it, what a redriven record looks like, and which letters were redriven already. It knows
// nothing of a Kafka client; see consume, redrive and command for that.
package deadletter

import (
	"fmt"
	"strconv"
	"time"
)

// Headers that this project writes.
const (
	// HeaderRedrives counts how often a record was redriven, as decimal text.
	HeaderRedrives = "openorder-redrives"
	// HeaderTruncated is on a dead letter that was cut to make it fit, and says what was: "stacktrace", "value", "headers",
	// "key", with commas between.
	HeaderTruncated = "openorder-dlt-truncated"
)

// Header is a record header. Keys may repeat; order matters.
type Header struct {
	Key   string
	Value []byte
}

// Letter is a record of a dead letter topic.
type Letter struct {
	ID
	Topic     string
	Key       []byte // nil: the record has no key
	Value     []byte // nil: a tombstone
	Headers   []Header
	Timestamp time.Time
	// LeaderEpoch tells it from a letter that had the same offset and that the brokers have lost, as in an unclean election.
	// Unknown, or any negative number, where they do not count leaders.
	LeaderEpoch int32
}

// ID is a letter's identity. A dead letter topic that is deleted and made again starts at offset 0 with a new topic id,
// so its letters are other letters.
type ID struct {
	TopicID   string // as Kafka prints it; the topic's name where the cluster has no topic ids
	Partition int32
	Offset    int64
}

// Position is how a letter is named on the command line: PARTITION:OFFSET.
func (id ID) Position() string { return fmt.Sprintf("%d:%d", id.Partition, id.Offset) }

// Truncated tells whether the letter is not all of the original. A stack trace is no loss.
func (l Letter) Truncated() bool {
	what, found := last(l.Headers, HeaderTruncated)
	return found && string(what) != "stacktrace"
}

// Redrives is how often the record had been redriven before it died this time.
func (l Letter) Redrives() int {
	value, _ := last(l.Headers, HeaderRedrives)
	n, err := strconv.Atoi(string(value))
	if err != nil || n < 0 || n > maxRedrives {
		return 0 // not written by a redrive
	}
	return n
}

const maxRedrives = 1 << 30

func first(headers []Header, key string) ([]byte, bool) {
	for _, h := range headers {
		if h.Key == key {
			return h.Value, true
		}
	}
	return nil, false
}

func last(headers []Header, key string) ([]byte, bool) {
	for i := len(headers) - 1; i >= 0; i-- {
		if headers[i].Key == key {
			return headers[i].Value, true
		}
	}
	return nil, false
}
