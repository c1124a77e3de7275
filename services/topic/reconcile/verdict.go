package reconcile

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openorder/openorder/services/topic/cluster"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// The reasons of Ready.
const (
	ReasonSynced             = "Synced"             // True: the topic is as the resource says
	ReasonObserved           = "Observed"           // True: the same, and nothing would be done otherwise
	ReasonPaused             = "Paused"             // Unknown: nobody looks
	ReasonDrifted            = "Drifted"            // False: observed, and it differs
	ReasonMissing            = "Missing"            // False: there is no topic
	ReasonReplaced           = "Replaced"           // False: another topic has come to the name
	ReasonConflict           = "Conflict"           // False: an older resource owns the topic
	ReasonForbidden          = "Forbidden"          // False: this namespace may not name the topic
	ReasonInvalid            = "Invalid"            // False: the resource cannot be used as it is
	ReasonRefused            = "Refused"            // False: the brokers refuse it
	ReasonNotSupported       = "NotSupported"       // False: Kafka cannot do it
	ReasonNotEnoughBrokers   = "NotEnoughBrokers"   // False: fewer brokers than replicas
	ReasonNotAuthorized      = "NotAuthorized"      // False: the controller lacks a right
	ReasonBrokersUnavailable = "BrokersUnavailable" // False: no broker answers
	ReasonThrottled          = "Throttled"          // False: the brokers asked to wait
	ReasonWaiting            = "Waiting"            // False: the brokers are not done yet
	ReasonMovingReplicas     = "MovingReplicas"     // False: the brokers are copying
	ReasonDeletionDisabled   = "DeletionDisabled"   // False: the brokers delete no topics
)

// waiting are the reasons of a resource with work to do that goes on by itself.
var waiting = map[string]bool{
	ReasonNotEnoughBrokers: true, ReasonNotAuthorized: true, ReasonBrokersUnavailable: true, ReasonThrottled: true,
	ReasonWaiting: true, ReasonMovingReplicas: true, ReasonDeletionDisabled: true,
}

// verdict is what a pass says about a resource.
type verdict struct {
	ready   metav1.ConditionStatus
	reason  string
	message string
	// stalled tells that it will not go on until somebody changes something.
	stalled bool
	// patience is how long it may last before it is said: it is expected to pass. Zero: said at once.
	patience time.Duration
	// again is when to look again; 0 with patience: after a growing while.
	again time.Duration
	// silent tells that there is nothing to say.
	silent bool
}

func ready(reason, message string) *verdict {
	return &verdict{ready: metav1.ConditionTrue, reason: reason, message: message}
}

func terminal(reason, message string) *verdict {
	return &verdict{ready: metav1.ConditionFalse, reason: reason, message: message, stalled: true}
}

func passing(reason, message string) *verdict {
	return &verdict{ready: metav1.ConditionFalse, reason: reason, message: message, patience: patience}
}

func lookAgain(after time.Duration) *verdict { return &verdict{silent: true, again: after} }

func paused() *verdict {
	return &verdict{ready: metav1.ConditionUnknown, reason: ReasonPaused,
		message: "Nobody looks at the topic while managementPolicy is Pause; set it to Manage or Observe to go on."}
}

func conflict(loser, owner *v1alpha1.KafkaTopic) *verdict {
	return terminal(ReasonConflict, fmt.Sprintf(
		"The topic %s belongs to the KafkaTopic %s, the older of the two. Delete one of them, or set this one's managementPolicy to Observe; deleting this one deletes nothing.",
		loser.TopicName(), owner.Key()))
}

// trouble is what a cluster's error means for a resource.
func (p *pass) trouble(err error) *verdict {
	e := cluster.AsError(err)
	switch e.Kind {
	case cluster.Unavailable:
		if p.settled() {
			return p.undisturbed()
		}
		v := passing(ReasonBrokersUnavailable, "No Kafka broker answers, or none lets the controller in (see its /readyz?verbose). What is to be done is done once they do.")
		v.patience = outagePatience
		return v
	case cluster.Throttled:
		v := passing(ReasonThrottled, "The brokers limit how fast topics are changed; it goes on by itself.")
		v.again = max(e.After, 100*time.Millisecond)
		return v
	case cluster.Denied:
		return passing(ReasonNotAuthorized, fmt.Sprintf("The controller's Kafka user lacks a right on the topic %s (%s). Grant it; it goes on by itself.", p.resource.TopicName(), e.Code))
	case cluster.Disabled:
		return passing(ReasonDeletionDisabled, "The brokers delete no topics (delete.topic.enable).")
	case cluster.Refused:
		switch n := p.resource.Spec.Replicas; {
		case e.Code != "INVALID_REPLICATION_FACTOR":
		case n == nil:
			return passing(ReasonNotEnoughBrokers, "There are fewer brokers than the topic is to have replicas. Start more, or set spec.replicas for a new topic. "+asSentence(e.Error()))
		case p.Cluster.Brokers() > 0 && int(*n) > p.Cluster.Brokers():
			return passing(ReasonNotEnoughBrokers, fmt.Sprintf("spec.replicas is %d and there are %d brokers. Start more, or lower it.", *n, p.Cluster.Brokers()))
		}
		return terminal(ReasonRefused, "The brokers refuse it. "+asSentence(e.Error()))
	}
	return passing(ReasonWaiting, "The brokers are not done yet: "+asSentence(e.Error()))
}

// undisturbed is the verdict on a settled resource while no broker answers: it stays as it is, and the next sweep looks. One
// whose annotations nobody has answered yet looks by itself, for a sweep compares topics only.
func (p *pass) undisturbed() *verdict {
	p.memory.calm()
	if p.memory.answered != annotationsOf(p.resource) {
		return lookAgain(patience)
	}
	return &verdict{silent: true}
}

func sentence(err error) string { return asSentence(strings.ReplaceAll(err.Error(), "\n", "; ")) }

func asSentence(text string) string {
	if strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}
