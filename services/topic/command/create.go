package command

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/internal/terminal"
	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/cluster"
	"github.com/openorder/openorder/services/topic/declared"
)

// minInSync is the value of min.insync.replicas of topics with enough replicas: no acknowledged record is lost with a broker.
const (
	minInSync     = "min.insync.replicas"
	safeReplicas  = 3
	safeMinInSync = "2"
)

// Create is `openorder topics create`.
type Create struct {
	Connection
	Partitions int32
	Replicas   int16
}

// AddFlags registers the flags.
func (c *Create) AddFlags(f *pflag.FlagSet) {
	c.Connection.AddFlags(f)
	f.Int32Var(&c.Partitions, "partitions", 12, "Partitions of each topic that is made; the trail of redrives has one.")
	f.Int16Var(&c.Replicas, "replicas", -1, "Copies of each partition; -1: the cluster's default. From 3 on, min.insync.replicas is 2.")
}

// Validate reports everything that is wrong, each with its flag.
func (c *Create) Validate() error {
	err := c.Connection.Validate()
	if c.Partitions < 1 {
		err = errors.Join(err, fmt.Errorf("--partitions: %d is less than 1", c.Partitions))
	}
	if c.Replicas < 1 && c.Replicas != -1 {
		err = errors.Join(err, fmt.Errorf("--replicas: %d is neither a number of copies nor -1, the cluster's default", c.Replicas))
	}
	return err
}

// Run makes what is missing.
func (c *Create) Run(ctx context.Context, out terminal.IO) error {
	wanted, err := c.desired()
	if err != nil {
		return exit(err)
	}
	s, err := c.open()
	if err != nil {
		return exit(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	return exit(s.create(ctx, out, wanted))
}

// desired is what the topics shall be that are missing.
func (c *Create) desired() ([]topic.Desired, error) {
	resources, err := declared.Topics()
	if err != nil {
		return nil, err
	}
	wanted := make([]topic.Desired, len(resources))
	for i := range resources {
		d, err := topic.FromResource(&resources[i])
		if err != nil {
			return nil, err
		}
		if d.Partitions > 1 {
			d.Partitions = c.Partitions
		}
		if c.Replicas > 0 {
			d.Replicas = int32(c.Replicas)
		}
		if d.Replicas >= safeReplicas {
			d.Config[minInSync] = safeMinInSync
		}
		wanted[i] = d
	}
	return wanted, nil
}

// create makes topics side by side, and reports on them in order. One that fails keeps no other back.
func (s *session) create(ctx context.Context, out terminal.IO, wanted []topic.Desired) error {
	reports, errs := make([]string, len(wanted)), make([]error, len(wanted))
	var all sync.WaitGroup
	for i, d := range wanted {
		all.Go(func() { reports[i], errs[i] = s.createOne(ctx, d) })
	}
	all.Wait()
	for _, report := range reports {
		if report != "" {
			fmt.Fprintln(out.Out, report)
		}
	}
	return together(errs)
}

// createOne makes a topic unless it is there, and says which. Whoever makes it at the same time is not in the way.
func (s *session) createOne(ctx context.Context, d topic.Desired) (string, error) {
	have, err := s.describe(ctx, cluster.Query{Name: d.Name})
	if err != nil {
		return "", s.explain("look up "+d.Name, "Describe on topic "+d.Name, err)
	}
	if have != nil {
		return s.leave(ctx, d, have), nil
	}
	made, mine, err := s.make(ctx, d)
	if err != nil {
		return "", s.explain("make "+d.Name, "Create on topic "+d.Name, err)
	}
	if !mine {
		return s.leave(ctx, d, made), nil
	}
	if err := s.secure(ctx, d, made); err != nil {
		return "", s.explain("set "+minInSync+" of "+d.Name+", which was made", "AlterConfigs on topic "+d.Name+", or name the number of --replicas", err)
	}
	return fmt.Sprintf("made       %s with %s and %s", d.Name, topic.Count(made.Partitions, "partition"), topic.Count(made.Replicas, "replica")), nil
}

// make makes a topic and returns what it became. mine is false where somebody else was faster.
func (s *session) make(ctx context.Context, d topic.Desired) (made *topic.Topic, mine bool, err error) {
	mine = true
	ambiguous := false
	made, err = persist(ctx, func(ctx context.Context) (*topic.Topic, error) {
		made, err := s.Create(ctx, d)
		switch e := cluster.AsErrorOrNil(err); {
		case e == nil:
			return made, nil
		case e.Kind == cluster.Exists:
			mine = ambiguous || e.Ambiguous // an earlier attempt of ours may have been carried out after all
			return nil, nil
		default:
			ambiguous = ambiguous || e.Ambiguous
			return nil, err
		}
	})
	if err != nil || made != nil && made.Partitions > 0 && made.Replicas > 0 {
		return made, mine, err
	}
	made, err = s.shown(ctx, d.Name) // brokers that did not tell what they made
	return made, mine, err
}

// secure sets min.insync.replicas of a topic that has got enough replicas by the cluster's default.
func (s *session) secure(ctx context.Context, d topic.Desired, made *topic.Topic) error {
	if d.Replicas != 0 || made.Replicas < safeReplicas {
		return nil
	}
	_, err := persist(ctx, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.Alter(ctx, d.Name, []topic.Change{{Key: minInSync, New: safeMinInSync}})
	})
	return err
}

// leave says that a topic was there, and where its configuration is not what OpenOrder declares. It stays as it is.
func (s *session) leave(ctx context.Context, d topic.Desired, have *topic.Topic) string {
	report := fmt.Sprintf("was there  %s with %s and %s", d.Name, topic.Count(have.Partitions, "partition"), topic.Count(have.Replicas, "replica"))
	d.Partitions, d.Replicas = 0, 0 // not declared, chosen
	if delete(d.Config, minInSync); have.Replicas >= safeReplicas {
		d.Config[minInSync] = safeMinInSync
	}
	have, err := s.describe(ctx, cluster.Query{Name: d.Name, Keys: d.Keys()})
	if err != nil || have == nil {
		return report // without the right to look closer
	}
	for _, change := range topic.Diff(d, have, s.ability(have, new([]string))).Config {
		report += fmt.Sprintf("\n           left as it is: %s is %s, declared %s", change.Key, change.Old, change.New)
	}
	return report
}
