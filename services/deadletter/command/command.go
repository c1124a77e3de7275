// Package command is `openorder dlt`: list, show and redrive the letters of a dead letter topic, on any cluster, of any
// framework that says where its letters came from.
package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/deadletter"
	"github.com/openorder/openorder/services/deadletter/consume"
	"github.com/openorder/openorder/services/deadletter/redrive"
	"github.com/openorder/openorder/services/internal/cli"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/terminal"
)

// Command is `openorder dlt`.
func Command(out terminal.IO) *cobra.Command {
	var list List
	var show Show
	var redrive Redrive
	return cli.Group("dlt", "List, show and redrive dead letters, on any Kafka-protocol cluster.",
		choosing(&list.Selection, cli.Command("list [LETTERS ...]", "What is in a dead letter topic, grouped by error.", &list,
			func(ctx context.Context) error { return list.Run(ctx, out) })),
		choosing(&show.Selection, cli.Command("show LETTERS ...", "Single letters: where from, why, headers, value, and when they were redriven.", &show,
			func(ctx context.Context) error { return show.Run(ctx, out) })),
		choosing(&redrive.Selection, cli.Command("redrive [LETTERS ...]", "Send letters back to where they came from, each once.", &redrive,
			func(ctx context.Context) error { return redrive.Run(ctx, out) })),
	)
}

// choosing lets a command's arguments choose letters.
func choosing(s *Selection, c *cobra.Command) *cobra.Command {
	c.Args = cli.Arguments(&s.Letters)
	c.Long = c.Short + "\n\nLETTERS is PARTITION, PARTITION:OFFSET, PARTITION:FROM-TO or PARTITION:FROM-; list and redrive take all letters without it."
	return c
}

// Exit codes, beside 0: all that was asked for is done, or there was nothing to do.
const (
	ExitFailed     = 1 // an error; nothing or only a part is done, and running it again goes on from there
	ExitIncomplete = 3 // done, but for letters that need a person: see the report
	ExitTakenOver  = 4 // another redrive of the topic was started and took over
	ExitDeclined   = 5 // not confirmed, nothing is done
)

// ExitError is an error with an exit code.
type ExitError struct {
	Code int
	Err  error
}

// Error is safe to print: names that others gave to topics may be in it.
func (e *ExitError) Error() string { return printableLines(e.Err.Error()) }

func (e *ExitError) Unwrap() error { return e.Err }

// ExitCode is the process's exit code.
func (e *ExitError) ExitCode() int { return e.Code }

// exit makes any error an ExitError.
func exit(err error) error {
	var known *ExitError
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &ExitError{ExitFailed, err}
}

func logTo(s terminal.IO) *slog.Logger {
	return slog.New(slog.NewTextHandler(s.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func warn(s terminal.IO, format string, args ...any) {
	fmt.Fprintln(s.Err, printable(fmt.Sprintf(format, args...)))
}

// Source is the flags that say which topic, and how to read it.
type Source struct {
	Kafka kafka.Config
	Topic string
	JSON  bool

	OriginTopicHeader     string
	OriginPartitionHeader string
	OriginOffsetHeader    string
	GroupHeader           string
	ExceptionHeader       string
	MessageHeader         string
	StripHeader           []string
}

// AddFlags registers the flags.
func (s *Source) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&s.Topic, "topic", "order.created.DLT", "The dead letter `TOPIC` ($DLT_TOPIC).")
	f.BoolVar(&s.JSON, "json", false, "Print JSON, one object a line.")
	s.Kafka.AddFlags(f)
	f.StringVar(&s.OriginTopicHeader, "origin-topic-header", "", "`HEADER` that holds the origin's topic. This and the flags below are for frameworks that are not known here.")
	f.StringVar(&s.OriginPartitionHeader, "origin-partition-header", "", "`HEADER` that holds the origin's partition, as text or binary.")
	f.StringVar(&s.OriginOffsetHeader, "origin-offset-header", "", "`HEADER` that holds the origin's offset, as text or binary.")
	f.StringVar(&s.GroupHeader, "group-header", "", "`HEADER` that holds the consumer group that gave up.")
	f.StringVar(&s.ExceptionHeader, "exception-header", "", "`HEADER` that holds the exception's class; not redriven.")
	f.StringVar(&s.MessageHeader, "message-header", "", "`HEADER` that holds the exception's message; not redriven.")
	f.StringArrayVar(&s.StripHeader, "strip-header", nil, "A further `HEADER` that is not redriven; repeatable.")
}

func (s *Source) families() []deadletter.Family {
	own := deadletter.Family{
		Name: "flags", Topic: s.OriginTopicHeader, Partition: s.OriginPartitionHeader, Offset: s.OriginOffsetHeader,
		Group: s.GroupHeader, Exception: s.ExceptionHeader, Message: s.MessageHeader, Other: s.StripHeader,
	}
	return append([]deadletter.Family{own}, deadletter.Families...)
}

// open connects and takes a snapshot of the topic.
func (s *Source) open(ctx context.Context, out terminal.IO) (*kgo.Client, *consume.Snapshot, error) {
	if missing := s.Kafka.MissingFile(); missing != "" {
		return nil, nil, fmt.Errorf("start a client: there is no file %s", missing)
	}
	client, err := kgo.NewClient(s.Kafka.Options("openorder-dlt", logTo(out))...)
	if err != nil {
		return nil, nil, fmt.Errorf("start a client: %w", err)
	}
	letters, err := consume.Take(ctx, client, s.Topic)
	if err != nil {
		client.Close()
		return nil, nil, s.Kafka.Explain(err)
	}
	return client, letters, nil
}

// followTrail hands the trail's entries to take. Where it may not be read, letters are shown as if none was redriven.
func (s *Source) followTrail(ctx context.Context, client *kgo.Client, out terminal.IO, take func(deadletter.Entry)) {
	trail := redrive.NewTrail(client, s.Topic)
	if err := trail.Follow(ctx, take); err != nil {
		warn(out, "warning: what was redriven already is not known: %v", err)
	}
	if trail.Foreign > 0 {
		warn(out, "warning: %d records of %s are no entries of a redrive; passed", trail.Foreign, trail.Topic)
	}
}

// now is the time that durations of --since and --until count back from.
var now = time.Now

// write runs f with a buffered writer.
func write(out io.Writer, f func(*bufio.Writer) error) error {
	buffered := bufio.NewWriter(out)
	err := f(buffered)
	return errors.Join(err, buffered.Flush())
}
