// Package cli turns a deployable's settings into a running process: flags and environment, refusals, logs, signals,
// exit codes.
package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/openorder/openorder/services/internal/telemetry"
)

// Service is one deployable's settings, and what it does with them.
type Service interface {
	Settings
	Run(ctx context.Context, log *slog.Logger) error     // serves until ctx is done, then drains and returns nil
	Migrate(ctx context.Context, log *slog.Logger) error // brings the database's schema up to date and returns
	Logging() telemetry.LogConfig
}

// ServiceCommand is a service's command line; its settings are the same for all that it does. traces may be nil, see
// telemetry.NewExporter.
func ServiceCommand(name, description string, service Service, traces telemetry.NewExporter) *cobra.Command {
	log := func() *slog.Logger { return service.Logging().Logger(os.Stderr).With("service", name) }
	serve := func(ctx context.Context) error { return Traced(ctx, name, traces, log(), service.Run) }
	migrate := func(ctx context.Context) error { return service.Migrate(ctx, log()) }
	root := Command(name, description, service, serve)
	root.AddCommand(
		Command("run", "Serve (the default).", service, serve),
		Command("migrate", "Bring the database's schema up to date and exit, for where the service's own role may not.", service, migrate),
	)
	return root
}

// Execute runs a command line until SIGINT or SIGTERM, prints its error and returns the process's exit code.
func Execute(root *cobra.Command, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root.Version = Version()
	cobra.MousetrapHelpText = "" // on Windows a double click starts a program, not cobra's word that it has to be typed
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", root.Name(), err)
	}
	return ExitCode(err)
}

// ExitUsage is the exit code where the command line or a variable is wrong, and nothing was done: EX_USAGE of sysexits.h,
// which is none of those that the tools have for what they found.
const ExitUsage = 64

// usageError is what is wrong with a command line.
type usageError struct{ error }

func (usageError) ExitCode() int { return ExitUsage }

func (e usageError) Unwrap() error { return e.error }

// refused says that an error, if there is one, is the command line's.
func refused(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// ExitCode is what a command's error asks for: 1, unless it says otherwise.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	if own, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](err); ok && own.ExitCode() > 0 {
		return own.ExitCode()
	}
	return 1
}

// Traced runs something with traces on, if the environment names a collector, and sends what is left of them at the end.
func Traced(ctx context.Context, name string, traces telemetry.NewExporter, log *slog.Logger, run func(context.Context, *slog.Logger) error) error {
	shutdown, err := telemetry.StartTracing(ctx, name, traces, log)
	if err != nil {
		return err
	}
	err = run(ctx, log)
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if late := shutdown(flush); late != nil {
		log.Warn("the last traces were not delivered", "error", late)
	}
	return err
}

// Version is the module's version, or the revision it was built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (version == "" || version == "(devel)") {
			version = s.Value
		}
	}
	return version
}
