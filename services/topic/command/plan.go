package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/internal/terminal"
	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/cluster"
	"github.com/openorder/openorder/services/topic/manifest"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// Files is the flags that say what topics shall be.
type Files struct {
	Paths []string
}

// AddFlags registers the flags.
func (f *Files) AddFlags(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&f.Paths, "filename", "f", nil, "`FILE` of manifests, a folder of .yaml, .yml and .json files, or - for standard input; repeatable. KafkaTopics of kafka.openorder.io and of Strimzi are read, other resources passed over (required).")
}

// Validate reports what is wrong, with its flag.
func (f *Files) Validate() error {
	if len(f.Paths) == 0 {
		return errors.New("--filename: is needed: a file, a folder, or - for standard input")
	}
	return nil
}

// read takes in the manifests, and tells what became of those that were not written for us.
func (f *Files) read(out terminal.IO) ([]manifest.Topic, error) {
	set, err := manifest.Read(f.Paths, out.In)
	if err != nil {
		return nil, err
	}
	for _, text := range set.Notes {
		note(out, "note: %s", text)
	}
	if n := int32(set.Translated); n > 0 {
		note(out, "note: %s translated from Strimzi's KafkaTopic; deletionPolicy is Retain, where Strimzi deletes the topic with its resource", topic.Count(n, "topic"))
	}
	return set.Topics, nil
}

// step is a topic's plan.
type step struct {
	topic.Plan
	declared manifest.Topic
	ignored  []string // keys that the brokers take without effect
}

// observed tells that nothing is to be done, only shown.
func (s step) observed() bool { return s.declared.Resource.Policy() == v1alpha1.Observe }

// plan looks at the topics, in common requests, and plans for each. Topics that could not be looked at are left out, and
// the reasons returned.
func (s *session) plan(ctx context.Context, out terminal.IO, topics []manifest.Topic) ([]step, error) {
	topics = slices.DeleteFunc(topics, func(t manifest.Topic) bool {
		paused := t.Resource.Policy() == v1alpha1.Pause
		if paused {
			note(out, "note: %s: managementPolicy Pause, not looked at", t.Desired.Name)
		}
		return paused
	})
	steps, errs := make([]step, len(topics)), make([]error, len(topics))
	var all sync.WaitGroup
	for i, t := range topics {
		all.Go(func() {
			have, err := s.describe(ctx, cluster.Query{Name: t.Desired.Name, Keys: t.Desired.Keys()})
			if err != nil {
				errs[i] = s.explain("look up "+t.Desired.Name, "Describe and DescribeConfigs on topic "+t.Desired.Name, err)
				return
			}
			if have != nil && have.Internal {
				errs[i] = fmt.Errorf("%s is one of the cluster's own topics, which are not touched: take it out of the manifests", t.Desired.Name)
				return
			}
			steps[i] = s.stepOf(t, have)
		})
	}
	all.Wait()
	steps = slices.DeleteFunc(steps, func(s step) bool { return s.Name == "" })
	return steps, together(errs)
}

func (s *session) stepOf(t manifest.Topic, have *topic.Topic) step {
	one := step{declared: t}
	one.Plan = topic.Diff(t.Desired, have, s.ability(have, &one.ignored))
	return one
}

// ability is what the cluster can do with a topic. Redpanda takes some of Kafka's keys without effect: it does not describe
// them, so that they would differ for ever.
func (s *session) ability(have *topic.Topic, ignored *[]string) topic.Ability {
	return topic.Ability{Replicas: s.Redpanda(), Ineffective: func(key, _ string) bool {
		_, described := have.Config[key]
		if described || !s.Redpanda() {
			return false
		}
		*ignored = append(*ignored, key)
		return true
	}}
}

// show prints the plans of topics that differ, and returns how many these are.
func show(out terminal.IO, steps []step) (different int) {
	for _, s := range steps {
		if !s.Empty() {
			different++
			fmt.Fprintln(out.Out, s.Name)
			for _, line := range s.Lines() {
				fmt.Fprintln(out.Out, "  "+line)
			}
			if s.observed() {
				fmt.Fprintln(out.Out, "  (managementPolicy Observe: shown, never done)")
			}
		}
		for _, key := range s.ignored {
			note(out, "note: %s: the brokers ignore config %s", s.Name, key)
		}
	}
	return different
}

// Diff is `openorder topics diff`.
type Diff struct {
	Connection
	Files
}

// AddFlags registers the flags.
func (c *Diff) AddFlags(f *pflag.FlagSet) {
	c.Connection.AddFlags(f)
	c.Files.AddFlags(f)
}

// Validate reports everything that is wrong, each with its flag.
func (c *Diff) Validate() error { return errors.Join(c.Connection.Validate(), c.Files.Validate()) }

// Run prints the plans.
func (c *Diff) Run(ctx context.Context, out terminal.IO) error {
	return exit(c.run(ctx, out))
}

func (c *Diff) run(ctx context.Context, out terminal.IO) error {
	topics, err := c.read(out)
	if err != nil {
		return err
	}
	s, err := c.open()
	if err != nil {
		return err
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	steps, err := s.plan(ctx, out, topics)
	different := show(out, steps)
	switch {
	case err != nil:
		return err
	case different > 0:
		return &ExitError{ExitDifferent, fmt.Errorf("%d of %s not as declared", different, topic.Count(int32(len(steps)), "topic"))}
	}
	note(out, "%s as declared", topic.Count(int32(len(steps)), "topic"))
	return nil
}

// together is one error for several topics. Brokers that are away are the same trouble for all of them.
func together(errs []error) error {
	for _, err := range errs {
		if cluster.Is(err, cluster.Unavailable) && errors.As(err, new(*cluster.Error)) {
			return err
		}
	}
	return errors.Join(errs...)
}
