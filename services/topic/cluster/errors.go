package cluster

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Kind is what to do about an error.
type Kind int

// The kinds.
const (
	Unavailable Kind = iota // the brokers cannot be reached or do not let anybody in: an outage, try again
	Unsettled               // try again in a moment: the brokers are busy, or do not agree yet
	Throttled               // try again after Error.After
	Denied                  // a right is missing: try again now and then
	Refused                 // it will be refused again until somebody changes something
	Exists                  // there is such a topic already
	Gone                    // there is no such topic
	Disabled                // deletion of topics is switched off
)

// Error is why the cluster did not do something for one topic.
type Error struct {
	Kind  Kind
	Code  string // Kafka's name of the error, empty where the brokers gave none
	After time.Duration
	// Ambiguous tells that it may have been done all the same.
	Ambiguous bool
	text      string
}

func (e *Error) Error() string { return e.text }

// AsError is err as this package's Error; what is none is an outage.
func AsError(err error) *Error {
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	return &Error{Kind: Unavailable, text: err.Error(), Ambiguous: true}
}

// Is tells whether err is of a kind.
func Is(err error, kind Kind) bool { return err != nil && AsError(err).Kind == kind }

// kinds are the codes that are not refusals.
var kinds = map[*kerr.Error]Kind{
	kerr.TopicAlreadyExists:          Exists,
	kerr.UnknownTopicOrPartition:     Gone,
	kerr.UnknownTopicID:              Gone,
	kerr.TopicDeletionDisabled:       Disabled,
	kerr.ThrottlingQuotaExceeded:     Throttled,
	kerr.TopicAuthorizationFailed:    Denied,
	kerr.ClusterAuthorizationFailed:  Denied,
	kerr.GroupAuthorizationFailed:    Denied,
	kerr.SecurityDisabled:            Denied,
	kerr.RequestTimedOut:             Unsettled,
	kerr.NotController:               Unsettled,
	kerr.LeaderNotAvailable:          Unsettled,
	kerr.NotLeaderForPartition:       Unsettled,
	kerr.ReassignmentInProgress:      Unsettled,
	kerr.CoordinatorLoadInProgress:   Unsettled,
	kerr.BrokerNotAvailable:          Unsettled,
	kerr.ReplicaNotAvailable:         Unsettled,
	kerr.NetworkException:            Unsettled,
	kerr.KafkaStorageError:           Unsettled,
	kerr.UnknownServerError:          Unsettled,
	kerr.SaslAuthenticationFailed:    Unavailable,
	kerr.IllegalSaslState:            Unavailable,
	kerr.UnsupportedSaslMechanism:    Unavailable,
	kerr.StaleControllerEpoch:        Unsettled,
	kerr.ConcurrentTransactions:      Unsettled,
	kerr.EligibleLeadersNotAvailable: Unsettled,
	kerr.PreferredLeaderNotAvailable: Unsettled,
	kerr.OperationNotAttempted:       Unsettled,
}

// refusal is the error that a broker answered for one topic, nil when it answered none.
func refusal(code int16, message *string, throttle time.Duration) *Error {
	if code == 0 {
		return nil
	}
	known := kerr.TypedErrorForCode(code)
	if known == nil {
		known = kerr.UnknownServerError
	}
	kind, other := kinds[known]
	if !other {
		kind = Refused
	}
	text := known.Description
	if message != nil && *message != "" {
		text = *message
	}
	return &Error{
		Kind: kind, Code: known.Message, text: fmt.Sprintf("%s: %s", known.Message, text),
		After: throttle, Ambiguous: known == kerr.RequestTimedOut || known == kerr.UnknownServerError,
	}
}

// failure is the error of a whole request that was not answered.
func failure(err error) *Error {
	if known, ok := errors.AsType[*kerr.Error](err); ok {
		e := refusal(known.Code, nil, 0)
		e.text = err.Error()
		return e
	}
	return &Error{Kind: Unavailable, text: err.Error(), Ambiguous: true}
}

func unsettled(format string, args ...any) *Error {
	return &Error{Kind: Unsettled, text: fmt.Sprintf(format, args...)}
}

// AsErrorOrNil is AsError, and nil for no error.
func AsErrorOrNil(err error) *Error {
	if err == nil {
		return nil
	}
	return AsError(err)
}

// Unknown is the error of something that the brokers have not told yet.
func Unknown(text string) error { return &Error{Kind: Unsettled, text: text} }

// Refusal is several refusals as one.
func Refusal(err error) error {
	return &Error{Kind: Refused, text: strings.ReplaceAll(err.Error(), "\n", "; ")}
}
