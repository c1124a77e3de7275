// Package command is `openorder topics`: make, compare and export topics of any Kafka-protocol cluster, without Kubernetes,
// from the same manifests and with the same plans as the topic controller.
package command

import (
	"errors"
	"fmt"

	"github.com/openorder/openorder/services/internal/terminal"
)

// Commands is the kong commands. Bind a context.Context and a terminal.IO for their Run methods.
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

func note(s terminal.IO, format string, args ...any) { fmt.Fprintf(s.Err, format+"\n", args...) }
