package reconcile

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// observe looks at the topic and reports what differs. It changes nothing, and takes no topic: which one the resource manages
// stays as it was, for the time after.
func (p *pass) observe(ctx context.Context, desired topic.Desired) *verdict {
	desired.Enforced = nil
	p.memory.absent = time.Time{} // only who manages a topic misses it
	have, err := p.describe(ctx, desired)
	if err != nil {
		return p.trouble(err)
	}
	s := &p.resource.Status
	p.memory.disown()
	if have == nil {
		s.Partitions, s.Replicas = 0, 0
		v := terminal(ReasonMissing, "There is no topic "+desired.Name+", and managementPolicy Observe makes none.")
		v.stalled = false // somebody else may make it
		return v
	}
	s.Partitions, s.Replicas = have.Partitions, have.Replicas
	differences := differences(desired, have, p.ability(desired.Name))
	if replaced(s, have) {
		differences = append([]string{fmt.Sprintf("it has the id %s, not %s", have.ID, s.TopicID)}, differences...)
	}
	if len(differences) > 0 {
		v := terminal(ReasonDrifted, fmt.Sprintf("The topic differs: %s. managementPolicy Observe changes nothing.", strings.Join(differences, ", ")))
		v.stalled = false
		return v
	}
	return ready(ReasonObserved, "The topic is as this resource says; managementPolicy Observe changes nothing.")
}

// replaced tells that another topic has come to the name of the one that a resource manages.
func replaced(s *v1alpha1.KafkaTopicStatus, have *topic.Topic) bool {
	return s.TopicID != "" && s.TopicID != v1alpha1.TopicIDByName && have.ID != "" && s.TopicID != have.ID
}

// differences are what a plan would change, in words.
func differences(desired topic.Desired, have *topic.Topic, can topic.Ability) []string {
	var words []string
	if desired.Partitions != 0 && desired.Partitions != have.Partitions {
		words = append(words, fmt.Sprintf("it has %s, not %d", topic.Count(have.Partitions, "partition"), desired.Partitions))
	}
	if desired.Replicas != 0 && desired.Replicas != have.Replicas {
		words = append(words, fmt.Sprintf("it has %s, not %d", topic.Count(have.Replicas, "replica"), desired.Replicas))
	}
	for _, c := range topic.Diff(desired, have, can).Config {
		now := c.Old
		if now == "" {
			now = "unset"
		}
		words = append(words, fmt.Sprintf("%s is %s, not %s", c.Key, now, c.New))
	}
	return words
}
