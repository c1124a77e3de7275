package command

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/internal/terminal"
	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/manifest"
)

// Export is `openorder topics export`.
type Export struct {
	Connection
	Namespace string
	Patterns  []string
}

// AddFlags registers the flags.
func (c *Export) AddFlags(f *pflag.FlagSet) {
	c.Connection.AddFlags(f)
	f.StringVarP(&c.Namespace, "namespace", "n", "", "`NAMESPACE` to write into the manifests.")
}

// Validate reports everything that is wrong, each with its flag.
func (c *Export) Validate() error {
	err := c.Connection.Validate()
	for _, pattern := range c.Patterns {
		if _, wrong := path.Match(pattern, ""); wrong != nil {
			err = errors.Join(err, fmt.Errorf("%q: %w", pattern, wrong))
		}
	}
	return err
}

// Run writes the manifests.
func (c *Export) Run(ctx context.Context, out terminal.IO) error {
	return exit(c.run(ctx, out))
}

func (c *Export) run(ctx context.Context, out terminal.IO) error {
	s, err := c.open()
	if err != nil {
		return err
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	found, err := persist(ctx, func(ctx context.Context) ([]*topic.Topic, error) { return s.List(ctx, c.wants) })
	if err != nil {
		return s.explain("list topics", "Describe and DescribeConfigs on the topics", err)
	}
	if len(found) == 0 {
		return errors.New("there is no such topic that may be seen")
	}
	topics := make([]topic.Topic, len(found))
	for i, t := range found {
		topics[i] = *t
	}
	return manifest.Write(out.Out, manifest.FromTopics(topics, c.Namespace))
}

func (c *Export) wants(name string) bool {
	return len(c.Patterns) == 0 || slices.ContainsFunc(c.Patterns, func(pattern string) bool {
		matches, _ := path.Match(pattern, name) // patterns were validated
		return matches
	})
}
