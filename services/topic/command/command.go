// Package command is `openorder topics`: make, compare and export topics of any Kafka-protocol cluster, without Kubernetes,
// from the same manifests and with the same plans as the topic controller.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/term"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/topic/cluster"
)

// Commands is the kong commands. Bind a context.Context and an IO for their Run methods.
type Commands struct {
	Create Create `cmd:"" help:"Make those of OpenOrder's own topics that are missing."`
}

// Exit codes, beside 0.
const (
	ExitDifferent = 1 // diff: the topics are not as the manifests say
	ExitDeclined  = 1 // apply: not confirmed, nothing is done
	ExitTrouble   = 2 // it could not be done, or not all of it
)

// ExitError is an error with an exit code.
type ExitError struct {
	Code int
	Err  error
}

func (e *ExitError) Error() string { return e.Err.Error() }

func (e *ExitError) Unwrap() error { return e.Err }

// ExitCode is the process's exit code.
func (e *ExitError) ExitCode() int { return e.Code }

// exit makes any error an ExitError.
func exit(err error) error {
	if err == nil {
		return nil
	}
	if _, known := errors.AsType[*ExitError](err); known {
		return err
	}
	return &ExitError{ExitTrouble, err}
}

// IO is where a command reads manifests and answers, and writes results.
type IO struct {
	In  io.Reader
	Out io.Writer // results
	Err io.Writer // questions, notes
	// Terminal: someone is there to answer.
	Terminal bool
}

// Standard is the process's own input and output.
func Standard() IO {
	return IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Terminal: term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd()))}
}

func (s IO) note(format string, args ...any) { fmt.Fprintf(s.Err, format+"\n", args...) }

// Connection is the flags that say which cluster.
type Connection struct {
	Kafka   kafka.Config  `embed:""`
	Timeout time.Duration `name:"timeout" default:"30s" placeholder:"DURATION" help:"How long to go on trying at most (default ${default})."`
}

// Validate reports everything that is wrong, each with its flag.
func (c *Connection) Validate() error {
	err := c.Kafka.Validate()
	if c.Timeout <= 0 {
		err = errors.Join(err, fmt.Errorf("--timeout: %s is not positive", c.Timeout))
	}
	return err
}

// session is a connection in use. Everything that goes over it ends with ctx.
type session struct {
	*cluster.Cluster
	brokers string
	ctx     context.Context
}

// with runs f with a connection, for as long as the time-out lets it.
func (c *Connection) with(ctx context.Context, f func(*session) error) error {
	if missing := c.Kafka.MissingFile(); missing != "" {
		return exit(fmt.Errorf("there is no file %s, which the settings of the brokers name", missing))
	}
	opened, err := cluster.Open(c.Kafka, slog.New(slog.DiscardHandler), prometheus.NewRegistry(), func(error) {})
	if err != nil {
		return exit(err)
	}
	defer opened.Close()
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	return exit(f(&session{opened, c.Kafka.Brokers, ctx}))
}

// persist asks again while the brokers do not agree with each other yet, or are busy.
func persist[A any](s *session, ask func(context.Context) (A, error)) (A, error) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		answer, err := ask(s.ctx)
		if err == nil || !cluster.Is(err, cluster.Unsettled) && !cluster.Is(err, cluster.Throttled) {
			return answer, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-s.ctx.Done():
			timer.Stop()
			return answer, err
		}
	}
}

// explain says what was tried, why it failed, and what to do about it. right is what the user must be allowed to do.
func (s *session) explain(tried, right string, err error) error {
	e := cluster.AsError(err)
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: interrupted", tried)
	case e.Code == "SASL_AUTHENTICATION_FAILED":
		return fmt.Errorf("%s: %w; check --kafka-sasl-username and its password", tried, err)
	case e.Kind == cluster.Unavailable:
		return fmt.Errorf("%s: no broker answers at %s: %w; check that it runs, and --kafka-brokers (KAFKA_BROKERS)", tried, s.brokers, err)
	case e.Kind == cluster.Denied:
		return fmt.Errorf("%s: %w; have somebody grant the user %s", tried, err, right)
	case e.Kind == cluster.Unsettled || e.Kind == cluster.Throttled:
		return fmt.Errorf("%s: %w; run it again, with a longer --timeout", tried, err)
	}
	return fmt.Errorf("%s: %w", tried, err)
}
