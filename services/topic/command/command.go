// Package command is `openorder topics`: make, compare and export topics of any Kafka-protocol cluster, without Kubernetes,
// from the same manifests and with the same plans as the topic controller.
package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/openorder/openorder/services/internal/cli"
	"github.com/openorder/openorder/services/internal/terminal"
)

// Command is `openorder topics`.
func Command(out terminal.IO) *cobra.Command {
	var create Create
	var apply Apply
	var diff Diff
	var export Export
	with := func(run func(context.Context, terminal.IO) error) func(context.Context) error {
		return func(ctx context.Context) error { return run(ctx, out) }
	}
	exports := cli.Command("export [TOPIC ...]", "Write manifests for topics that exist, to move in with. * and ? stand for parts of a name; all by default, but never the cluster's own.", &export, with(export.Run))
	exports.Args = cli.Arguments(&export.Patterns)
	return cli.Group("topics", "Make and compare topics, on any Kafka-protocol cluster.",
		cli.Command("create", "Make those of OpenOrder's own topics that are missing.", &create, with(create.Run)),
		cli.Command("apply", "Make topics be as manifests say. What these do not name stays as it is.", &apply, with(apply.Run)),
		cli.Command("diff", "Show what apply would do. Exit code 0: nothing, 1: something, 2: it cannot be told.", &diff, with(diff.Run)),
		exports,
	)
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
