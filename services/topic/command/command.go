// Package command is `openorder topics`: make, compare and export topics of any Kafka-protocol cluster, without Kubernetes,
// from the same manifests and with the same plans as the topic controller.
package command

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// Commands is the kong commands. Bind a context.Context and an IO for their Run methods.
type Commands struct {
	Create Create `cmd:"" help:"Make those of OpenOrder's own topics that are missing."`
	Apply  Apply  `cmd:"" help:"Make topics be as manifests say. What these do not name stays as it is."`
	Diff   Diff   `cmd:"" help:"Show what apply would do. Exit code 0: nothing, 1: something, 2: it cannot be told."`
	Export Export `cmd:"" help:"Write manifests for topics that exist, to move in with."`
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
