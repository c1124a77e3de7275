package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/deadletter"
	"github.com/openorder/openorder/services/internal/terminal"
)

// List is `openorder dlt list`.
type List struct {
	Source
	Selection
	Each        bool
	NotRedriven bool
}

// AddFlags registers the flags.
func (c *List) AddFlags(f *pflag.FlagSet) {
	c.Selection.AddFlags(f)
	f.BoolVar(&c.Each, "letters", false, "A line for each letter, instead of groups.")
	f.BoolVar(&c.NotRedriven, "not-redriven", false, "Only letters that were not redriven yet.")
	c.Source.AddFlags(f)
}

// Validate reports everything that is wrong, each with its flag.
func (c *List) Validate() error {
	_, err := c.filter(now())
	return errors.Join(c.Kafka.Validate(), err)
}

// Run lists.
func (c *List) Run(ctx context.Context, out terminal.IO) error {
	return exit(c.run(ctx, out))
}

func (c *List) run(ctx context.Context, out terminal.IO) error {
	filter, err := c.filter(now())
	if err != nil {
		return err
	}
	client, letters, err := c.open(ctx, out)
	if err != nil {
		return err
	}
	defer client.Close()
	done := deadletter.NewDone(letters.TopicID)
	c.followTrail(ctx, client, out, done.Add)

	families := c.families()
	each := func(take func(deadletter.Letter, deadletter.Failure, bool) error) error {
		return letters.Letters(ctx, filter, func(l deadletter.Letter) error {
			f := deadletter.FailureOf(l.Headers, families)
			redriven := done.Has(l)
			if c.NotRedriven && redriven || !filter.Match(l, f, families) {
				return nil
			}
			return take(l, f, redriven)
		})
	}
	return write(out.Out, func(w *bufio.Writer) error {
		if c.Each {
			return each(func(l deadletter.Letter, f deadletter.Failure, redriven bool) error { return c.line(w, l, f, redriven) })
		}
		var groups deadletter.Groups
		err := each(func(l deadletter.Letter, f deadletter.Failure, redriven bool) error {
			groups.Add(l, f, redriven)
			return nil
		})
		if err != nil {
			return err
		}
		return c.groups(w, groups.List())
	})
}

func (c *List) line(w *bufio.Writer, l deadletter.Letter, f deadletter.Failure, redriven bool) error {
	if c.JSON {
		line, err := encodeJSON(letterJSON(l, f, redriven, c.families()))
		if err != nil {
			return err
		}
		_, err = w.Write(line)
		return err
	}
	mark := ""
	if redriven {
		mark = "  (redriven)"
	}
	_, err := fmt.Fprintf(w, "%s  %s  %s  %s  %s%s\n", l.Position(), clock(l.Timestamp), from(f), key(l), shorten(reason(f), 100), mark)
	return err
}

type groupJSON struct {
	Letters        int64     `json:"letters"`
	Redriven       int64     `json:"redriven"`
	First          time.Time `json:"first"`
	Last           time.Time `json:"last"`
	OriginTopic    string    `json:"originTopic,omitempty"`
	ConsumerGroup  string    `json:"consumerGroup,omitempty"`
	Exception      string    `json:"exception,omitempty"`
	Message        string    `json:"message,omitempty"`
	Sample         string    `json:"sample"`
	SampleMessage  string    `json:"sampleMessage,omitempty"`
	RemainingTypes bool      `json:"remainingErrors,omitempty"`
}

func (c *List) groups(w *bufio.Writer, groups []deadletter.Group) error {
	if c.JSON {
		for _, g := range groups {
			line, err := encodeJSON(groupJSON{
				Letters: g.Letters, Redriven: g.Redriven, First: g.First.UTC(), Last: g.Last.UTC(), OriginTopic: g.Topic,
				ConsumerGroup: g.Consumer, Exception: g.Class, Message: g.Message, Sample: g.Sample.Position(), SampleMessage: g.Text,
				RemainingTypes: g.Rest,
			})
			if err != nil {
				return err
			}
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		return nil
	}
	var letters, redriven int64
	for _, g := range groups {
		letters, redriven = letters+g.Letters, redriven+g.Redriven
	}
	fmt.Fprintf(w, "%s: %s, %d of them redriven already\n", printable(c.Topic), count(letters, "letter"), redriven)
	if letters == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "LETTERS\tREDRIVEN\tFIRST\tLAST\tFROM\tGROUP\tSAMPLE\tERROR")
	for _, g := range groups {
		text := "all other errors"
		if !g.Rest {
			text = shorten(reason(deadletter.Failure{Exception: g.Class, Message: g.Message}), 80)
		}
		fmt.Fprintf(table, "%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", g.Letters, g.Redriven, clock(g.First), clock(g.Last),
			orDash(shorten(g.Topic, 60)), orDash(shorten(g.Consumer, 40)), g.Sample.Position(), text)
	}
	return table.Flush()
}
