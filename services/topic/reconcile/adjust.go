package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/cluster"
)

// adjust brings a topic that is there to what is desired, step by step. A step that fails keeps no other back.
func (p *pass) adjust(ctx context.Context, desired topic.Desired, have *topic.Topic) (*verdict, error) {
	desired.Enforced = p.resource.Status.ConfigKeys // of this topic, and not of one that had its name before
	if p.took {
		p.memory.partitions = 0
	}
	plan := topic.Diff(desired, have, p.ability(desired.Name))
	had := have.Partitions
	taken, altered, err := p.alter(ctx, plan)
	if err != nil {
		return nil, err
	}
	grown := p.grow(ctx, plan)
	moved := p.move(ctx, plan)
	if plan.Partitions != 0 || len(plan.Config) != 0 {
		to := plan.Partitions
		if grown != nil {
			to = 0
		}
		after, unshown, err := p.settle(ctx, desired, taken, to)
		if err != nil {
			return p.trouble(err), nil
		}
		have = after
		p.sayChanges(desired.Name, taken)
		p.memory.told = nil
		if len(unshown) > 0 {
			p.memory.told = taken
			altered = worst(altered, notShown(unshown))
			taken = without(taken, unshown)
		}
		if grown != nil && have.Partitions >= plan.Partitions {
			grown = nil // brokers that count otherwise were asked for what was there
		}
	}
	if plan.Partitions != 0 && grown == nil {
		if p.memory.partitions != plan.Partitions {
			p.say(normal, EventPartitionsAdded, "Partitions %d -> %d.", had, plan.Partitions)
		}
		p.memory.partitions = plan.Partitions
	}
	if p.memory.partitions == plan.Partitions && have.Partitions < plan.Partitions {
		grown = cluster.Unknown(fmt.Sprintf("they still show %d of %d partitions", have.Partitions, plan.Partitions)) // whatever they say, asked again
	}
	s := &p.resource.Status
	s.Partitions, s.Replicas = have.Partitions, have.Replicas
	s.ConfigKeys = enforced(desired, s.ConfigKeys, without(plan.Config, taken))
	switch err := worst(altered, grown, moved); {
	case err != nil:
		return p.trouble(err), nil
	case len(plan.Refused) > 0:
		return terminal(ReasonNotSupported, asSentence(capital(strings.Join(plan.Refused, "; ")))), nil
	case plan.Replicas != 0:
		return passing(ReasonMovingReplicas, fmt.Sprintf("The brokers are bringing the topic from %d to %s.", have.Replicas, topic.Count(plan.Replicas, "replica"))), nil
	}
	return p.synced(desired), nil
}

func (r *Reconciler) ability(name string) topic.Ability {
	return topic.Ability{
		Replicas:    r.Cluster.Redpanda(),
		HidesOwn:    r.Cluster.Redpanda(),
		Ineffective: func(key, text string) bool { return r.vain(name, key, text) },
	}
}

// alter sets and resets configuration, and returns the changes that the brokers took. Keys that are set for the first time
// on a topic that is there are noted in the status before: a crash in between must not forget that it was us who set them.
// Before that the brokers are asked whether they would take them, so that a refusal, met again at each sweep, writes
// nothing. The first error is the brokers', the second the API server's.
func (p *pass) alter(ctx context.Context, plan topic.Plan) (taken []topic.Change, altered, err error) {
	s, changes := &p.resource.Status, plan.Config
	if len(changes) == 0 {
		p.memory.told = nil
		return nil, nil, nil
	}
	known := s.ConfigKeys
	var unchecked error
	if len(fresh(changes, known)) > 0 {
		changes, _, unchecked = apart(changes, func(some []topic.Change) error { return p.Cluster.CheckAlter(ctx, plan.Name, some) })
		if keys := fresh(changes, known); len(keys) > 0 {
			s.ConfigKeys = slices.Sorted(slices.Values(append(keys, known...)))
			if err := p.writeStatus(ctx); err != nil {
				return nil, nil, err
			}
		}
	}
	taken, refused, altered := apart(changes, func(some []topic.Change) error { return p.Cluster.Alter(ctx, plan.Name, some) })
	// A key that was never ours must not be reset later.
	never := fresh(refused, known)
	s.ConfigKeys = slices.DeleteFunc(s.ConfigKeys, func(key string) bool { return slices.Contains(never, key) })
	return taken, worst(unchecked, altered), nil
}

// fresh are the keys that are set and not known.
func fresh(changes []topic.Change, known []string) []string {
	var keys []string
	for _, c := range changes {
		if !c.Reset && !slices.Contains(known, c.Key) {
			keys = append(keys, c.Key)
		}
	}
	return keys
}

// apart tries changes together, and each by itself where that is refused: brokers take all changes of a topic or none.
func apart(changes []topic.Change, try func([]topic.Change) error) (taken, refused []topic.Change, err error) {
	if len(changes) == 0 {
		return nil, nil, nil
	}
	err = try(changes)
	switch {
	case err == nil:
		return changes, nil, nil
	case !cluster.Is(err, cluster.Refused):
		return nil, nil, err
	case len(changes) == 1:
		return nil, changes, err
	}
	var errs []error
	for i := range changes {
		yes, no, err := apart(changes[i:i+1], try)
		taken, refused, errs = append(taken, yes...), append(refused, no...), append(errs, err)
	}
	return taken, refused, worst(errs...)
}

func without(changes, some []topic.Change) []topic.Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c topic.Change) bool { return among(some, c) })
}

// among tells whether a change of the same key is among others.
func among(others []topic.Change, c topic.Change) bool {
	return slices.ContainsFunc(others, func(other topic.Change) bool { return other.Key == c.Key })
}

// enforced are the keys to remember when all changes are done but these: a key that was not set is ours only if it was
// noted, one that was not reset still is.
func enforced(desired topic.Desired, noted []string, undone []topic.Change) []string {
	keys := slices.Collect(maps.Keys(desired.Config))
	for _, c := range undone {
		switch {
		case c.Reset:
			keys = append(keys, c.Key)
		case !slices.Contains(noted, c.Key):
			keys = slices.DeleteFunc(keys, func(key string) bool { return key == c.Key })
		}
	}
	slices.Sort(keys)
	return keys
}

func (p *pass) grow(ctx context.Context, plan topic.Plan) error {
	if plan.Partitions == 0 {
		return nil
	}
	return p.Cluster.AddPartitions(ctx, plan.Name, plan.Partitions)
}

// move asks for another number of replicas, once and now and then again: brokers take their time.
func (p *pass) move(ctx context.Context, plan topic.Plan) error {
	m := p.memory
	if plan.Replicas == 0 {
		m.replicas = 0
		return nil
	}
	if m.replicas == plan.Replicas && time.Since(m.replicasAsked) < time.Minute {
		return nil
	}
	err := p.Cluster.SetReplicas(ctx, plan.Name, plan.Replicas)
	if err == nil {
		if m.replicas != plan.Replicas {
			if p.drifted() {
				p.Metrics.drift.Inc()
			}
			p.say(normal, EventConfigChanged, "Asked for %s of the topic %s.", topic.Count(plan.Replicas, "replica"), plan.Name)
		}
		m.replicas, m.replicasAsked = plan.Replicas, time.Now()
	}
	return err
}

// settle waits until the brokers show so many partitions and the changes that they took, and returns the changes that they
// do not show yet.
func (p *pass) settle(ctx context.Context, desired topic.Desired, taken []topic.Change, partitions int32) (*topic.Topic, []topic.Change, error) {
	if p.Cluster.Redpanda() {
		desired.Enforced = nil // no description tells whether a reset is done
	}
	unshown := func(t *topic.Topic) []topic.Change {
		rest := topic.Diff(desired, t, p.ability(desired.Name)).Config
		return slices.DeleteFunc(rest, func(c topic.Change) bool { return !among(taken, c) })
	}
	after, err := p.await(ctx, desired, func(t *topic.Topic) bool {
		if t == nil {
			return false
		}
		for _, c := range taken {
			if _, described := t.Config[c.Key]; !c.Reset && !described {
				p.ineffective.add(c.Key) // they do not even know it
			}
		}
		return len(unshown(t)) == 0 && t.Partitions >= partitions
	})
	if err != nil {
		return nil, nil, err
	}
	rest := unshown(after)
	if !p.Cluster.Redpanda() {
		return after, rest, nil
	}
	for _, c := range rest {
		p.ineffective.add(vainValue(desired.Name, c.Key, c.New)) // as it does with some keys
	}
	return after, nil, nil
}

// notShown is the error of brokers that took changes and go on showing what was before.
func notShown(changes []topic.Change) error {
	var shown []string
	for _, c := range changes {
		shown = append(shown, c.Key+" as "+c.Old)
	}
	return cluster.Unknown("they still show " + strings.Join(shown, ", "))
}

// sayChanges tells of configuration that became another, because the resource was changed or because the topic was. It
// tells once of what has to be told to the brokers again.
func (p *pass) sayChanges(name string, taken []topic.Change) {
	if slices.Equal(p.memory.told, taken) {
		return
	}
	var changes []string
	for _, c := range taken {
		if c.Reset || !p.vain(name, c.Key, c.New) {
			changes = append(changes, c.String())
		}
	}
	switch {
	case len(changes) == 0:
	case p.drifted():
		p.Metrics.drift.Inc()
		p.say(warning, EventDrifted, "Somebody changed the topic; set back: %s.", strings.Join(changes, ", "))
	default:
		p.say(normal, EventConfigChanged, "Configured: %s.", strings.Join(changes, ", "))
	}
}

// drifted tells that the resource had been settled as it stands, so that a difference is the topic's doing.
func (p *pass) drifted() bool {
	return !p.took && p.before.ObservedGeneration == p.resource.Generation && p.settled()
}

// worst is the error to report: a refusal, which somebody must see to, before what passes by itself.
func worst(errs ...error) error {
	var refusals []error
	var first error
	for _, err := range errs {
		switch {
		case err == nil:
		case cluster.Is(err, cluster.Refused):
			refusals = append(refusals, err)
		case first == nil:
			first = err
		}
	}
	if len(refusals) > 1 {
		return cluster.Refusal(errors.Join(refusals...))
	}
	if len(refusals) == 1 {
		return refusals[0]
	}
	return first
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
