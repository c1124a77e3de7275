// Package redrive sends dead letters back: a fixed set of them, each at most once, with a trail that says who did it and
// when. A redriven record and its entry in the trail are one Kafka transaction, so that whatever is interrupted, and
// wherever, running it again finishes the work.
package redrive

import (
	"fmt"

	"github.com/openorder/openorder/services/deadletter"
	"github.com/openorder/openorder/services/internal/kafka"
)

// Plan is what to redrive, and how.
type Plan struct {
	Kafka    kafka.Config
	Topic    string // the dead letter topic
	Filter   deadletter.Filter
	Families []deadletter.Family

	To        string  // where to; empty: where each letter came from
	ByKey     bool    // the partition follows from the key, even where the letter's own is known
	Max       int64   // letters at most; 0: all
	Rate      float64 // letters a second at most; 0: no limit
	Truncated bool    // redrive also letters that are only a part of the original
	Again     bool    // redrive also what was redriven already, but for what this same run has
	// AtLeastOnce does without transactions: an interruption may leave a letter redriven that the trail does not know.
	AtLeastOnce bool

	By  string // who does it
	Run string // the run's name
}

// TrailTopic is the name of a dead letter topic's trail.
func TrailTopic(topic string) string { return topic + deadletter.TrailSuffix }

// TransactionalID is the transactional id of every redrive of a dead letter topic: of two runs, the later one takes over.
func TransactionalID(topic string) string { return "openorder-redrive-" + topic }

// Reason is why a letter was not redriven.
type Reason string

// Reasons. All but the first leave work for a person.
const (
	AlreadyRedriven Reason = "redriven already"
	Replacing       Reason = "in the place of letters that were redriven, and that the brokers have lost since"
	Cut             Reason = "cut"
	OriginUnknown   Reason = "origin unknown"
	Loop            Reason = "would come back to the dead letter topic itself"
	NoTarget        Reason = "target topic missing"
	Refused         Reason = "refused by the target topic"
)

// Advice says what to do about letters left out for the reason.
func (r Reason) Advice() string {
	switch r {
	case AlreadyRedriven:
		return "--again redrives them once more"
	case Replacing:
		return "--again redrives them"
	case Cut:
		return "the original was too large for the dead letter topic, and only a part of it is here: take it from where it came from, or redrive the part with --truncated"
	case OriginUnknown:
		return "no known header tells where they came from: say where to with --to, or which header tells with --origin-topic-header"
	case Loop:
		return "say where to with --to"
	case NoTarget:
		return "make the topic, or say where to with --to"
	default:
		return "raise its max.message.bytes, or say where to with --to"
	}
}

// maxSamples is how many letters are named for each reason.
const maxSamples = 20

// Left is letters left out for one reason.
type Left struct {
	Letters int64    `json:"letters"`
	Samples []string `json:"samples"` // the first of them, each with what was wrong
}

// Report is what a run did, or would do.
type Report struct {
	Redriven int64            `json:"redriven"`
	Targets  map[string]int64 `json:"targets"` // of them, by topic
	Left     map[Reason]*Left `json:"left"`
	// More: letters beyond Max are left for another run.
	More bool `json:"more"`
}

func newReport() *Report { return &Report{Targets: map[string]int64{}, Left: map[Reason]*Left{}} }

func (r *Report) took(target string) {
	r.Redriven++
	r.Targets[target]++
}

func (r *Report) leave(reason Reason, l deadletter.Letter, detail string) {
	left := r.Left[reason]
	if left == nil {
		left = &Left{Samples: []string{}}
		r.Left[reason] = left
	}
	left.Letters++
	if len(left.Samples) < maxSamples {
		sample := l.Position()
		if detail != "" {
			sample = fmt.Sprintf("%s (%s)", sample, detail)
		}
		left.Samples = append(left.Samples, sample)
	}
}

// Incomplete tells whether letters were left out that need a person.
func (r *Report) Incomplete() bool {
	for reason := range r.Left {
		if reason != AlreadyRedriven {
			return true
		}
	}
	return false
}
