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

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/deadletter"
	"github.com/openorder/openorder/services/deadletter/consume"
	"github.com/openorder/openorder/services/deadletter/redrive"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/terminal"
)

// Commands is the kong commands. Bind a context.Context and a terminal.IO for their Run methods.
type Commands struct {
	List    List    `cmd:"" help:"What is in a dead letter topic, grouped by error."`
	Show    Show    `cmd:"" help:"Single letters: where from, why, headers, value, and when they were redriven."`
	Redrive Redrive `cmd:"" help:"Send letters back to where they came from, each once."`
}

// Exit codes, beside 0: all that was asked for is done, or there was nothing to do.
const (
	ExitFailed     = 1 // an error; nothing or only a part is done, and running it again goes on from there
	ExitIncomplete = 3 // done, but for letters that need a person: see the report
	ExitTakenOver  = 4 // another redrive of the topic was started and took over
	ExitDeclined   = 5 // not confirmed, nothing is done
)

// ExitError is an error with an exit code; kong uses it, too.
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

// ExitCode is the exit code for what a command's Run returned.
func ExitCode(err error) int {
	var exit *ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.Code
	default:
		return ExitFailed
	}
}

func logTo(s terminal.IO) *slog.Logger {
	return slog.New(slog.NewTextHandler(s.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func warn(s terminal.IO, format string, args ...any) {
	fmt.Fprintln(s.Err, printable(fmt.Sprintf(format, args...)))
}

// Source is the flags that say which topic, and how to read it.
type Source struct {
	Kafka kafka.Config `embed:""`
	Topic string       `name:"topic" env:"DLT_TOPIC" default:"order.created.DLT" placeholder:"TOPIC" help:"The dead letter topic (default ${default})."`
	JSON  bool         `name:"json" help:"Print JSON, one object a line."`

	OriginTopicHeader     string   `group:"Frameworks not known here" placeholder:"NAME" help:"Header that holds the origin's topic."`
	OriginPartitionHeader string   `group:"Frameworks not known here" placeholder:"NAME" help:"Header that holds the origin's partition, as text or binary."`
	OriginOffsetHeader    string   `group:"Frameworks not known here" placeholder:"NAME" help:"Header that holds the origin's offset, as text or binary."`
	GroupHeader           string   `group:"Frameworks not known here" placeholder:"NAME" help:"Header that holds the consumer group that gave up."`
	ExceptionHeader       string   `group:"Frameworks not known here" placeholder:"NAME" help:"Header that holds the exception's class; not redriven."`
	MessageHeader         string   `group:"Frameworks not known here" placeholder:"NAME" help:"Header that holds the exception's message; not redriven."`
	StripHeader           []string `group:"Frameworks not known here" sep:"none" placeholder:"NAME" help:"A further header that is not redriven; repeatable."`
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
		return nil, nil, err
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
