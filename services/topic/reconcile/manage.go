package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/cluster"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// manage brings the topic to what the resource says.
func (p *pass) manage(ctx context.Context, desired topic.Desired) (*verdict, error) {
	desired.Enforced = slices.Concat(desired.Enforced, p.memory.keys()) // the resource may have changed since
	have, err := p.describe(ctx, desired)
	if err == nil && have != nil && have.Internal {
		return p.stand(ctx, p.disown(terminal(ReasonForbidden, desired.Name+" is one of the cluster's own topics. Choose another topicName.")))
	}
	if err := p.holdFinalizer(ctx, p.wantsDeletion()); err != nil {
		return nil, err
	}
	if err != nil {
		p.memory.absent = time.Time{} // seen by nobody is not absent
		return p.trouble(err), nil
	}
	if have == nil {
		if v, err := p.missed(ctx); v != nil || err != nil {
			return v, err
		}
		return p.create(ctx, desired)
	}
	p.memory.absent = time.Time{}
	if v := p.identify(have); v != nil {
		return v, nil
	}
	return p.adjust(ctx, desired, have)
}

// describe looks at the topic. Where it has more replicas than desired, those that a reassignment is taking away do not
// count, as far as the brokers tell.
func (p *pass) describe(ctx context.Context, desired topic.Desired) (*topic.Topic, error) {
	have, err := p.Cluster.Describe(ctx, cluster.Query{Name: desired.Name, Keys: desired.Keys()})
	if err != nil || have == nil || desired.Replicas == 0 || have.Replicas <= desired.Replicas || p.Cluster.Redpanda() {
		return have, err
	}
	replicas, err := p.Cluster.Reassigned(ctx, have)
	if err != nil {
		return have, nil // old brokers do not know, or a right is missing
	}
	after := *have
	after.Replicas = replicas
	return &after, nil
}

// missed is about a topic that is not there. A managed one is believed to be gone only after a while; then the resource
// lets go of it in a write of its own, lest the topic that is made next look like somebody else's after a crash.
func (p *pass) missed(ctx context.Context) (*verdict, error) {
	s := &p.resource.Status
	if s.TopicID == "" {
		if time.Since(p.memory.attemptedAt) > attemptLasts {
			p.memory.attempted = nil
		}
		return nil, nil
	}
	if !p.memory.gone() {
		return lookAgain(confirmAbsence / 3), nil
	}
	p.Metrics.drift.Inc()
	p.say(warning, EventMissing, "The topic %s with the id %s is gone, with all its records; it is created again, empty.", p.resource.TopicName(), s.TopicID)
	s.TopicID, s.Created, s.Partitions, s.Replicas, s.ConfigKeys = "", false, 0, 0, nil
	p.record(&verdict{ready: metav1.ConditionFalse, reason: ReasonMissing, message: "The topic is gone, with all its records. It is created again, empty."})
	if err := p.writeStatus(ctx); err != nil {
		return nil, err
	}
	p.memory.absent = time.Time{}
	return nil, nil
}

// create makes the topic, which was seen to be absent.
func (p *pass) create(ctx context.Context, desired topic.Desired) (*verdict, error) {
	made, err := p.Cluster.Create(ctx, desired)
	if err != nil {
		e := cluster.AsError(err)
		if e.Kind == cluster.Exists {
			// Somebody was faster, or an earlier attempt of ours was carried out after all.
			if e.Ambiguous {
				p.memory.attempt(&desired)
			}
			return passing(ReasonWaiting, "The topic is there, but is not shown by the brokers yet."), nil
		}
		switch {
		case e.Ambiguous:
			p.memory.attempt(&desired)
		case e.Kind == cluster.Refused: // which shows that there was no such topic; nothing else does
			p.memory.attempted = nil
		}
		return p.trouble(err), nil
	}
	p.memory.attempted, p.memory.made, p.memory.madeID = nil, &desired, made.ID
	if incomplete(made, desired) {
		// The brokers did not tell all of what they made: look, until they show it.
		made, err = p.await(ctx, desired, func(t *topic.Topic) bool { return t != nil })
		if err != nil {
			return p.trouble(err), nil
		}
	}
	if v := p.identify(made); v != nil {
		return v, nil
	}
	return p.adjust(ctx, desired, made)
}

// incomplete tells that a create's answer does not tell the topic's id, size, or that all configuration arrived.
func incomplete(made *topic.Topic, desired topic.Desired) bool {
	return made.ID == "" || made.Partitions < 1 || made.Replicas < 1 ||
		len(topic.Diff(topic.Desired{Config: desired.Config}, made, topic.Ability{}).Config) > 0
}

// identify makes sure that the topic is the one that the resource manages, and takes it where it manages none yet.
func (p *pass) identify(have *topic.Topic) *verdict {
	s, m, name := &p.resource.Status, p.memory, p.resource.TopicName()
	id := have.ID
	if id == "" {
		id = v1alpha1.TopicIDByName
	}
	switch {
	case s.TopicID == "":
		p.took = true
		s.TopicID, s.Created = id, p.ours(have)
		if s.Created {
			m.made, m.madeID, m.attempted = cmp.Or(m.attempted, m.made), have.ID, nil // until the status says so
			s.ConfigKeys = m.keys()
			p.say(normal, EventCreated, "Created the topic %s with %s and %s.", name, topic.Count(have.Partitions, "partition"), topic.Count(have.Replicas, "replica"))
		} else {
			p.say(normal, EventAdopted, "Took over the topic %s, which was there already, with the id %s, %s and %s.", name, id, topic.Count(have.Partitions, "partition"), topic.Count(have.Replicas, "replica"))
		}
	case s.TopicID == id, have.ID == "":
	case s.TopicID == v1alpha1.TopicIDByName:
		s.TopicID = id // the brokers have learnt about ids
	case p.resource.Annotations[v1alpha1.AcceptTopicID] == id:
		p.took = true
		p.say(normal, EventAdopted, "Took over the topic %s with the id %s in place of %s, as the annotation says.", name, id, s.TopicID)
		s.TopicID, s.Created, s.ConfigKeys = id, false, nil
	default:
		return terminal(ReasonReplaced, fmt.Sprintf(
			"The topic %s now has the id %s, not the %s that this resource manages: somebody deleted it and made it again. It is not touched. To manage the new one: kubectl annotate kafkatopics.kafka.openorder.io -n %s %s %s=%s --overwrite",
			name, id, s.TopicID, p.resource.Namespace, p.resource.Name, v1alpha1.AcceptTopicID, id))
	}
	return nil
}

// ours tells whether a topic that no status names was made by this process for the resource. Where nobody said what became
// of a create, it has to look as it was asked for: somebody else may have made it.
func (p *pass) ours(have *topic.Topic) bool {
	m := p.memory
	if m.made != nil && (m.madeID == have.ID || m.madeID == "") {
		return true
	}
	if m.attempted == nil {
		return false
	}
	ignored := func(key, _ string) bool { // Redpanda drops what it does not know
		_, described := have.Config[key]
		return !described && p.Cluster.Redpanda()
	}
	asked := topic.Desired{Partitions: m.attempted.Partitions, Replicas: m.attempted.Replicas, Config: m.attempted.Config}
	return topic.Diff(asked, have, topic.Ability{Ineffective: ignored}).Empty()
}

// await looks at the topic until it is as it should be, or settleTime is over. The last look is returned then.
func (p *pass) await(ctx context.Context, desired topic.Desired, done func(*topic.Topic) bool) (*topic.Topic, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	var last *topic.Topic
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		have, err := p.describe(ctx, desired)
		if err == nil {
			if last = have; done(have) {
				return have, nil
			}
		} else if !cluster.Is(err, cluster.Unsettled) && ctx.Err() == nil {
			return nil, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			if last == nil {
				return nil, cluster.Unknown("the topic " + desired.Name + " is not shown by the brokers yet")
			}
			return last, nil
		}
	}
}

// synced is the verdict on a topic that is as the resource says.
func (p *pass) synced(desired topic.Desired) *verdict {
	message := "The topic is as this resource says."
	var vain []string
	for key, text := range desired.Config {
		if p.vain(desired.Name, key, text) {
			vain = append(vain, key)
		}
	}
	if len(vain) > 0 {
		slices.Sort(vain)
		message += " The brokers take " + strings.Join(vain, ", ") + " without effect."
	}
	if p.wantsDeletion() && !p.mayDelete() {
		message += fmt.Sprintf(" It was there before this resource, so that deletionPolicy Delete acts as Retain until it is confirmed: kubectl annotate kafkatopics.kafka.openorder.io -n %s %s %s=%s",
			p.resource.Namespace, p.resource.Name, v1alpha1.ConfirmDeletion, desired.Name)
	}
	return ready(ReasonSynced, message)
}

// mayDelete tells whether the topic may be deleted with the resource: it was made for it, or somebody confirmed it.
func (p *pass) mayDelete() bool {
	return p.resource.Status.Created || p.resource.Annotations[v1alpha1.ConfirmDeletion] == p.resource.TopicName()
}

// vain tells that the brokers take a value without effect.
func (r *Reconciler) vain(name, key, text string) bool {
	return r.ineffective.has(key) || r.ineffective.has(vainValue(name, key, text))
}

func vainValue(name, key, text string) string { return name + "/" + key + "=" + text }
