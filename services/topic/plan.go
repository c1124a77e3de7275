package topic

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// replicationFactor is how Redpanda names the number of replicas among a topic's configuration, where it can be set but
// is never described.
const replicationFactor = "replication.factor"

// mostAdded is how many partitions are added to a topic at once. It is Apache Kafka's own limit for a new topic; of an old
// one Apache Kafka 4.3 takes any number, and its controller answers nobody any more.
const mostAdded = 10_000

// Plan is the steps that bring a topic to what is desired.
type Plan struct {
	Name string
	// Create is set where there is no such topic. Nothing else is set then.
	Create *Desired
	// Partitions is the number of partitions to come to, 0 when none are to be added.
	Partitions int32
	// Replicas is the number of replicas to come to, 0 when they stay.
	Replicas int32
	// Config is the values to set and to reset, in the order of their keys.
	Config []Change
	// Refused says what cannot be done, a sentence each. The other steps are still worth doing.
	Refused []string

	have Topic
}

// Change is one configuration value that becomes another.
type Change struct {
	Key   string
	Old   string // as described; empty where the cluster does not describe the key
	New   string
	Reset bool // back to the cluster's default; New is empty
}

// Ability is what a cluster can do and others cannot.
type Ability struct {
	// Replicas tells that the number of replicas of an existing topic can be set.
	Replicas bool
	// HidesOwn tells that a value that the topic sets may be described as the cluster's, where the two are the same.
	HidesOwn bool
	// Ineffective tells that the cluster takes a key without effect, so that setting it again would never end.
	Ineffective func(key, value string) bool
}

// Diff plans the steps from what is there, nil when nothing is, to what is desired.
func Diff(desired Desired, have *Topic, can Ability) Plan {
	if have == nil {
		return Plan{Name: desired.Name, Create: &desired}
	}
	plan := Plan{Name: desired.Name, have: *have, Config: changes(desired, have, can)}
	switch {
	case desired.Partitions-have.Partitions > mostAdded:
		plan.Refused = append(plan.Refused, fmt.Sprintf(
			"the topic has %s and the resource asks for %d: at most %d are added at once, for more have stopped whole clusters; lower partitions",
			Count(have.Partitions, "partition"), desired.Partitions, mostAdded))
	case desired.Partitions > have.Partitions:
		plan.Partitions = desired.Partitions
	case desired.Partitions != 0 && desired.Partitions < have.Partitions:
		plan.Refused = append(plan.Refused, fmt.Sprintf(
			"the topic has %s and the resource asks for %d: Kafka cannot take partitions away; set partitions to %d or more, or leave it out",
			Count(have.Partitions, "partition"), desired.Partitions, have.Partitions))
	}
	switch {
	case desired.Replicas == 0 || desired.Replicas == have.Replicas:
	case can.Replicas:
		plan.Replicas = desired.Replicas
	default:
		plan.Refused = append(plan.Refused, fmt.Sprintf(
			"the topic has %s and the resource asks for %d: reassign its partitions (kafka-reassign-partitions), or set replicas to %d, or leave it out",
			Count(have.Replicas, "replica"), desired.Replicas, have.Replicas))
	}
	return plan
}

func changes(desired Desired, have *Topic, can Ability) []Change {
	var changes []Change
	for _, key := range desired.Keys() {
		now, described := have.Config[key]
		want, wanted := desired.Config[key]
		switch {
		case wanted && can.Ineffective != nil && can.Ineffective(key, want):
		case wanted && (!described || !SameValue(key, now.Text, want)):
			changes = append(changes, Change{Key: key, Old: now.Text, New: want})
		case !wanted && described && (now.Own || can.HidesOwn):
			changes = append(changes, Change{Key: key, Old: now.Text, Reset: true})
		}
	}
	return changes
}

// Empty tells that there is nothing to do, and nothing that should be done and cannot.
func (p Plan) Empty() bool { return !p.Steps() && len(p.Refused) == 0 }

// Steps tells that there is something to do.
func (p Plan) Steps() bool {
	return p.Create != nil || p.Partitions != 0 || p.Replicas != 0 || len(p.Config) != 0
}

// Sets are the keys that the plan sets.
func (p Plan) Sets() []string {
	var keys []string
	for _, c := range p.Config {
		if !c.Reset {
			keys = append(keys, c.Key)
		}
	}
	return keys
}

// Apply is the topic after the plan's steps: what brokers make of it, for tests and dry runs.
func (p Plan) Apply() Topic {
	after := p.have
	if p.Create != nil {
		after = Topic{Name: p.Create.Name, Partitions: max(p.Create.Partitions, 1), Replicas: max(p.Create.Replicas, 1), Config: map[string]Value{}}
		for key, text := range p.Create.Config {
			after.Config[key] = Value{text, true}
		}
		return after
	}
	after.Config = maps.Clone(after.Config)
	if after.Config == nil {
		after.Config = map[string]Value{}
	}
	after.Partitions = max(after.Partitions, p.Partitions)
	if p.Replicas != 0 {
		after.Replicas = p.Replicas
	}
	for _, c := range p.Config {
		if c.Reset {
			delete(after.Config, c.Key)
		} else {
			after.Config[c.Key] = Value{c.New, true}
		}
	}
	return after
}

// Lines says the plan in words, a line a step. Steps that take something away or cannot be undone begin with "!".
func (p Plan) Lines() []string {
	var lines []string
	if p.Create != nil {
		lines = append(lines, fmt.Sprintf("+ create with %s, %s", asked(p.Create.Partitions, "partition"), asked(p.Create.Replicas, "replica")))
		for _, key := range slices.Sorted(maps.Keys(p.Create.Config)) {
			lines = append(lines, fmt.Sprintf("+ %s = %s", key, p.Create.Config[key]))
		}
		return lines
	}
	if p.Partitions != 0 {
		lines = append(lines, fmt.Sprintf("! partitions %d -> %d (cannot be taken back; keys land on other partitions)", p.have.Partitions, p.Partitions))
	}
	if p.Replicas != 0 {
		lines = append(lines, fmt.Sprintf("~ replicas %d -> %d", p.have.Replicas, p.Replicas))
	}
	for _, c := range p.Config {
		lines = append(lines, c.mark()+" "+c.String())
	}
	for _, refusal := range p.Refused {
		lines = append(lines, "x "+refusal)
	}
	return lines
}

func asked(n int32, what string) string {
	if n == 0 {
		return "the cluster's default of " + what + "s"
	}
	return Count(n, what)
}

// Count says how many there are of something, "1 replica" or "3 replicas".
func Count(n int32, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (c Change) String() string {
	old := c.Old
	if old == "" {
		old = "(unset)"
	}
	if c.Reset {
		return fmt.Sprintf("%s %s -> the cluster's default", c.Key, old)
	}
	return fmt.Sprintf("%s %s -> %s", c.Key, old, c.New)
}

func (c Change) mark() string {
	if c.Destructive() {
		return "!"
	}
	return "~"
}

// Destructive tells that the plan may take records away, or does what cannot be undone.
func (p Plan) Destructive() bool {
	return p.Partitions != 0 || slices.ContainsFunc(p.Config, Change.Destructive)
}

// Destructive tells that a change may take records away: a shorter or smaller retention, or another cleanup policy.
func (c Change) Destructive() bool {
	switch {
	case c.Key == "cleanup.policy":
		return c.Reset || strings.Contains(c.New, "delete") != strings.Contains(c.Old, "delete") || strings.Contains(c.New, "compact") && !strings.Contains(c.Old, "compact")
	case strings.HasPrefix(c.Key, "retention."), strings.HasPrefix(c.Key, "delete.retention."):
		return c.Reset || shorter(c.Old, c.New)
	}
	return false
}
