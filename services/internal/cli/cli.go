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

	"github.com/alecthomas/kong"

	"github.com/openorder/openorder/services/internal/telemetry"
)

// Service is one deployable's settings, read from flags and environment by kong, and what it does with them.
type Service interface {
	Validate() error                                     // everything that is wrong, each with its flag
	Run(ctx context.Context, log *slog.Logger) error     // serves until ctx is done, then drains and returns nil
	Migrate(ctx context.Context, log *slog.Logger) error // brings the database's schema up to date and returns
	Logging() telemetry.LogConfig
}

// RunService is the main of a service's binary. It never returns. traces may be nil, see telemetry.NewExporter.
func RunService(name, description string, service Service, traces telemetry.NewExporter) {
	os.Exit(Execute(name, description, service, traces, os.Args[1:]))
}

// Execute runs a service's command line until SIGINT or SIGTERM and returns the process's exit code. Everything that is
// wrong with the settings is told at once, and nothing is started.
func Execute(name, description string, service Service, traces telemetry.NewExporter, args []string) int {
	var commands struct {
		Run     struct{}         `cmd:"" default:"1" help:"Serve (the default)."`
		Migrate struct{}         `cmd:"" help:"Bring the database's schema up to date and exit, for where the service's own role may not."`
		Version kong.VersionFlag `help:"Print the version and exit."`
	}
	parser := NewParser(&commands, kong.Name(name), kong.Description(description), kong.Vars{"version": Version()}, kong.Embed(service))
	chosen, err := parser.Parse(args)
	if chosen != nil {
		err = errors.Join(err, service.Validate())
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		log := service.Logging().Logger(os.Stderr).With("service", name)
		if chosen.Command() == "migrate" {
			err = service.Migrate(ctx, log)
		} else {
			err = Traced(ctx, name, traces, log, service.Run)
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
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
