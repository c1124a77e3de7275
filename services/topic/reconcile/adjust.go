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
	plan := topic.Diff(desired, have, p.ability(desired.Name))
	had, known := have.Partitions, slices.Clone(p.resource.Status.ConfigKeys)
	altered, err := p.alter(ctx, plan)
	if err != nil {
		return nil, err
	}
	grown := p.grow(ctx, plan)
	moved := p.move(ctx, plan)
	if plan.Partitions != 0 || len(plan.Config) != 0 {
		after, unshown, err := p.settle(ctx, desired, plan, altered == nil, grown == nil)
		if err != nil {
			return p.trouble(err), nil
		}
		have = after
		if altered == nil {
			p.sayChanges(desired.Name, plan)
			altered = p.unshown(plan, unshown)
		}
		if grown != nil && have.Partitions >= plan.Partitions {
			grown = nil // brokers that count otherwise were asked for what was there
		}
	}
	if plan.Partitions != 0 && grown == nil {
		p.say(normal, EventPartitionsAdded, "Partitions %d -> %d.", had, plan.Partitions)
	}
	s := &p.resource.Status
	s.Partitions, s.Replicas = have.Partitions, have.Replicas
	s.ConfigKeys = enforced(desired, known, plan, altered)
	switch err := worst(altered, grown, moved); {
	case err != nil:
		return p.trouble(err), nil
	case len(plan.Refused) > 0:
		return terminal(ReasonNotSupported, asSentence(capital(strings.Join(plan.Refused, "; ")))), nil
	case plan.Replicas != 0:
		return passing(ReasonMovingReplicas, fmt.Sprintf("The brokers are bringing the topic from %d to %d replicas.", have.Replicas, plan.Replicas)), nil
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

// alter sets and resets configuration. Keys that are set for the first time on a topic that is there are noted in the
// status before: a crash in between must not forget that it was us who set them. Before that the brokers are asked
// whether they would take them, so that a refusal, met again at each sweep, writes nothing. The first error is the
// brokers', the second the API server's.
func (p *pass) alter(ctx context.Context, plan topic.Plan) (altered, err error) {
	if len(plan.Config) == 0 {
		p.memory.told = nil
		return nil, nil
	}
	s := &p.resource.Status
	fresh := slices.DeleteFunc(plan.Sets(), func(key string) bool { return slices.Contains(s.ConfigKeys, key) })
	if len(fresh) > 0 {
		if err := p.Cluster.CheckAlter(ctx, plan.Name, plan.Config); err != nil {
			return err, nil
		}
		s.ConfigKeys = slices.Sorted(slices.Values(append(s.ConfigKeys, fresh...)))
		if err := p.writeStatus(ctx); err != nil {
			return nil, err
		}
	}
	return p.Cluster.Alter(ctx, plan.Name, plan.Config), nil
}

// enforced are the keys to remember after an alteration.
func enforced(desired topic.Desired, known []string, plan topic.Plan, altered error) []string {
	keys := slices.Collect(maps.Keys(desired.Config))
	switch e := cluster.AsErrorOrNil(altered); {
	case e == nil:
	case e.Kind == cluster.Refused:
		// Nothing was set. A key that was never ours must not be reset later.
		sets := plan.Sets()
		keys = slices.DeleteFunc(keys, func(key string) bool { return slices.Contains(sets, key) && !slices.Contains(known, key) })
		keys = append(keys, known...)
	default:
		keys = append(keys, known...)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
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
			p.say(normal, EventConfigChanged, "Asked for %d replicas of the topic %s.", plan.Replicas, plan.Name)
		}
		m.replicas, m.replicasAsked = plan.Replicas, time.Now()
	}
	return err
}

// settle waits until the brokers show what they were told, and returns what they do not show yet.
func (p *pass) settle(ctx context.Context, desired topic.Desired, plan topic.Plan, altered, grown bool) (*topic.Topic, []topic.Change, error) {
	if p.Cluster.Redpanda() {
		desired.Enforced = nil // no description tells whether a reset is done
	}
	after, err := p.await(ctx, desired, func(t *topic.Topic) bool {
		if t == nil {
			return false
		}
		if altered {
			for _, c := range plan.Config {
				if _, described := t.Config[c.Key]; !c.Reset && !described {
					p.ineffective.add(c.Key) // they do not even know it
				}
			}
		}
		rest := topic.Diff(desired, t, p.ability(desired.Name))
		return (!altered || len(rest.Config) == 0) && (!grown || rest.Partitions == 0)
	})
	if err != nil || !altered {
		return after, nil, err
	}
	rest := topic.Diff(desired, after, p.ability(desired.Name)).Config
	if !p.Cluster.Redpanda() {
		return after, rest, nil
	}
	for _, c := range rest {
		p.ineffective.add(vainValue(desired.Name, c.Key, c.New)) // as it does with some keys
	}
	return after, nil, nil
}

// unshown is the error of brokers that took changes and go on showing what was before.
func (p *pass) unshown(plan topic.Plan, rest []topic.Change) error {
	p.memory.told = nil
	if len(rest) == 0 {
		return nil
	}
	p.memory.told = plan.Config
	var shown []string
	for _, c := range rest {
		shown = append(shown, c.Key+" as "+c.Old)
	}
	return cluster.Unknown("they still show " + strings.Join(shown, ", "))
}

// sayChanges tells of configuration that became another, because the resource was changed or because the topic was. It
// tells once of what has to be told to the brokers again.
func (p *pass) sayChanges(name string, plan topic.Plan) {
	if slices.Equal(p.memory.told, plan.Config) {
		return
	}
	var changes []string
	for _, c := range plan.Config {
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
