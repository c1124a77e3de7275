package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/internal/terminal"
	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/cluster"
	"github.com/openorder/openorder/services/topic/manifest"
)

// settling is how long brokers are given to show what they took.
const settling = 10 * time.Second

// Apply is `openorder topics apply`.
type Apply struct {
	Connection
	Files
	Yes bool
}

// AddFlags registers the flags.
func (c *Apply) AddFlags(f *pflag.FlagSet) {
	c.Connection.AddFlags(f)
	c.Files.AddFlags(f)
	f.BoolVarP(&c.Yes, "yes", "y", false, "Do not ask before steps that may take records away or cannot be undone.")
}

// Validate reports everything that is wrong, each with its flag.
func (c *Apply) Validate() error { return errors.Join(c.Connection.Validate(), c.Files.Validate()) }

// Run prints the plans, asks where that is called for, and carries them out.
func (c *Apply) Run(ctx context.Context, out terminal.IO) error {
	return exit(c.run(ctx, out))
}

func (c *Apply) run(ctx context.Context, out terminal.IO) error {
	topics, err := c.read(out)
	if err != nil {
		return err
	}
	s, err := c.open()
	if err != nil {
		return err
	}
	defer s.Close()
	looking, cancel := context.WithTimeout(ctx, c.Timeout)
	steps, unseen := s.plan(looking, out, topics)
	cancel()
	if show(out, steps) == 0 && unseen == nil {
		note(out, "%s as declared", topic.Count(int32(len(steps)), "topic"))
		return nil
	}
	steps = slices.DeleteFunc(steps, func(s step) bool { return s.Empty() || s.observed() })
	if err := c.confirm(ctx, out, steps); err != nil {
		return errors.Join(err, unseen)
	}
	doing, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	return errors.Join(unseen, s.carryOut(doing, out, steps))
}

// confirm asks before what takes records away, or cannot be taken back.
func (c *Apply) confirm(ctx context.Context, out terminal.IO, steps []step) error {
	var names []string
	for _, s := range steps {
		if s.Destructive() {
			names = append(names, s.Name)
		}
	}
	if c.Yes || len(names) == 0 {
		return nil
	}
	declined := func(why string) error {
		return &ExitError{ExitDeclined, fmt.Errorf("nothing is done: %s", why)}
	}
	if !out.Person || slices.Contains(c.Paths, manifest.Stdin) {
		return declined("steps marked with ! may take records away or cannot be undone, and nobody is there to confirm them; --yes does without")
	}
	question := fmt.Sprintf("Steps marked with ! may take records away or cannot be undone (%s). Apply?", some(names))
	if err := out.Confirm(ctx, question); err != nil {
		return declined(err.Error())
	}
	return nil
}

// some is a few names, and how many more there are.
func some(names []string) string {
	const few = 5
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// carryOut does the steps side by side, in common requests, and reports in order. One that fails keeps no other back.
func (s *session) carryOut(ctx context.Context, out terminal.IO, steps []step) error {
	done, errs := make([]string, len(steps)), make([]error, len(steps))
	var all sync.WaitGroup
	for i, one := range steps {
		all.Go(func() { done[i], errs[i] = s.do(ctx, one) })
	}
	all.Wait()
	for i, what := range done {
		if what != "" {
			fmt.Fprintf(out.Out, "%s %s\n", steps[i].Name, what)
		}
	}
	return together(errs)
}

// do carries out one topic's plan, and says in a word what was done, empty when nothing was.
func (s *session) do(ctx context.Context, one step) (string, error) {
	if one.Create != nil {
		_, mine, err := s.make(ctx, *one.Create)
		switch {
		case err != nil:
			return "", s.explain("make "+one.Name, "Create on topic "+one.Name, err)
		case !mine:
			return "", fmt.Errorf("make %s: somebody else made it at the same time; run it again to see whether it differs", one.Name)
		}
		s.settle(ctx, one)
		return "created", nil
	}
	var errs []error
	attempted := 0
	try := func(needed bool, what, right string, call func(context.Context) error) {
		if !needed {
			return
		}
		attempted++
		_, err := persist(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, call(ctx) })
		if err != nil {
			errs = append(errs, s.explain(what+" of "+one.Name, right+" on topic "+one.Name, err))
		}
	}
	try(len(one.Config) > 0, "set the configuration", "AlterConfigs", func(ctx context.Context) error { return s.Alter(ctx, one.Name, one.Config) })
	try(one.Partitions != 0, "add partitions", "Alter", func(ctx context.Context) error { return s.grow(ctx, one.Name, one.Partitions) })
	try(one.Replicas != 0, "set the replicas", "AlterConfigs", func(ctx context.Context) error { return s.SetReplicas(ctx, one.Name, one.Replicas) })
	failed := len(errs)
	for _, refusal := range one.Refused {
		errs = append(errs, fmt.Errorf("%s: %s", one.Name, refusal))
	}
	if attempted == failed {
		return "", errors.Join(errs...)
	}
	if failed == 0 {
		s.settle(ctx, one)
	}
	return "changed", errors.Join(errs...)
}

// grow brings a topic to so many partitions. Asked again, for the first answer was lost, brokers refuse what they have done.
func (s *session) grow(ctx context.Context, name string, to int32) error {
	err := s.AddPartitions(ctx, name, to)
	if cluster.Is(err, cluster.Refused) {
		if have, unseen := s.describe(ctx, cluster.Query{Name: name}); unseen == nil && have != nil && have.Partitions >= to {
			return nil
		}
	}
	return err
}

// settle waits until the brokers show what they took, so that a diff that follows is empty. Replicas take as long as they
// take.
func (s *session) settle(ctx context.Context, one step) {
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	_, _ = persist(ctx, func(ctx context.Context) (*topic.Topic, error) {
		have, err := s.Describe(ctx, cluster.Query{Name: one.Name, Keys: one.declared.Desired.Keys()})
		if err == nil && have == nil {
			return nil, cluster.Unknown(one.Name + " is not shown yet")
		}
		if err != nil {
			return nil, err
		}
		if left := s.stepOf(one.declared, have); left.Partitions != 0 || len(left.Config) > 0 {
			return nil, cluster.Unknown(one.Name + " is not shown as it is yet")
		}
		return have, nil
	})
}
