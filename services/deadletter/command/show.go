package command

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/deadletter"
	"github.com/openorder/openorder/services/internal/terminal"
)

// maxEntries bounds how many of the trail's entries are kept to be shown with their letters.
const maxEntries = 10_000

// Show is `openorder dlt show`.
type Show struct {
	Source
	Selection
}

// AddFlags registers the flags.
func (c *Show) AddFlags(f *pflag.FlagSet) {
	c.Selection.AddFlags(f)
	c.Source.AddFlags(f)
}

// Validate reports everything that is wrong, each with its flag.
func (c *Show) Validate() error {
	_, err := c.filter(now())
	if len(c.Letters) == 0 {
		err = errors.Join(err, errors.New("LETTERS: say which, such as 0:42; list names a sample of each group"))
	}
	return errors.Join(c.Kafka.Validate(), err)
}

// Run shows.
func (c *Show) Run(ctx context.Context, out terminal.IO) error {
	return exit(c.run(ctx, out))
}

func (c *Show) run(ctx context.Context, out terminal.IO) error {
	filter, err := c.filter(now())
	if err != nil {
		return err
	}
	client, letters, err := c.open(ctx, out)
	if err != nil {
		return err
	}
	defer client.Close()
	trail := map[deadletter.ID][]deadletter.Entry{}
	done := deadletter.NewDone(letters.TopicID)
	wanted := deadletter.Filter{Spans: filter.Spans}
	kept := 0
	c.followTrail(ctx, client, out, func(e deadletter.Entry) {
		done.Add(e)
		if kept < maxEntries && e.TopicID == letters.TopicID && wanted.Match(deadletter.Letter{ID: e.ID()}, deadletter.Failure{}, nil) {
			trail[e.ID()] = append(trail[e.ID()], e)
			kept++
		}
	})

	families := c.families()
	shown := 0
	err = write(out.Out, func(w *bufio.Writer) error {
		return letters.Letters(ctx, filter, func(l deadletter.Letter) error {
			f := deadletter.FailureOf(l.Headers, families)
			if !filter.Match(l, f, families) {
				return nil
			}
			shown++
			view := letterJSON(l, f, done.Has(l), families)
			view.Trail = trail[l.ID]
			if !c.JSON {
				return show(w, l, f, view)
			}
			line, err := encodeJSON(view)
			if err != nil {
				return err
			}
			_, err = w.Write(line)
			return err
		})
	})
	if err == nil && shown == 0 {
		return fmt.Errorf("%s has no such letter: retention may have removed it, or it is not written yet", c.Topic)
	}
	return err
}

func show(w *bufio.Writer, l deadletter.Letter, f deadletter.Failure, view letterView) error {
	field := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(w, "%s %s\n", printable(l.Topic), l.Position())
	field("time", "%s", clock(l.Timestamp))
	field("from", "%s", from(f))
	field("group", "%s", orDash(shorten(f.Group, 249)))
	field("exception", "%s", orDash(printable(f.Exception)))
	if f.Cause != "" {
		field("cause", "%s", printable(f.Cause))
	}
	field("message", "%s", orDash(printable(f.Message)))
	if l.Truncated() {
		field("cut", "not all of the original is here: it is not redriven unless --truncated says so")
	}
	for _, e := range view.Trail {
		field("redriven", "%s by %s to %s %d:%d, run %s%s", clock(e.At), printable(e.By), printable(e.To.Topic), e.To.Partition, e.To.Offset, printable(e.Run), because(e.Filter))
	}
	field("key", "%s", bytesLine(l.Key))
	for _, h := range view.Headers {
		fmt.Fprintf(w, "  %-10s %s = %s\n", "header", printable(h.Key), headerLine(h))
	}
	if l.Value == nil {
		field("value", "none (a tombstone)")
		return w.Flush()
	}
	text, kind := pretty(l.Value)
	field("value", "%d bytes, %s", len(l.Value), kind)
	fmt.Fprintln(w, text)
	return w.Flush()
}

func because(filter string) string {
	if filter == "" {
		return ", all letters"
	}
	return ", " + printable(filter)
}

func headerLine(h headerView) string {
	switch {
	case h.Number != nil:
		return strconv.FormatInt(*h.Number, 10)
	case h.Value != nil && isText([]byte(*h.Value)):
		return printable(*h.Value)
	case h.Value != nil:
		return "0x" + hex.EncodeToString([]byte(*h.Value))
	case h.Base64 != nil:
		return "0x" + hex.EncodeToString(h.Base64)
	default:
		return "none"
	}
}

func bytesLine(value []byte) string {
	switch {
	case value == nil:
		return "none"
	case isText(value):
		return strconv.Quote(printable(string(value)))
	default:
		return "0x" + hex.EncodeToString(value)
	}
}
