// Package cli turns a deployable's settings into a running process: flags and environment, refusals, logs, signals,
// exit codes.
package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

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

// RunService is the main of a service's binary. It never returns.
func RunService(name, description string, service Service) {
	var commands struct {
		Run     struct{}         `cmd:"" default:"1" help:"Serve (the default)."`
		Migrate struct{}         `cmd:"" help:"Bring the database's schema up to date and exit, for where the service's own role may not."`
		Version kong.VersionFlag `help:"Print the version and exit."`
	}
	parser := kong.Must(&commands, kong.Name(name), kong.Description(description), kong.Vars{"version": Version()},
		kong.Embed(service), kong.UsageOnError())
	chosen, err := parser.Parse(os.Args[1:])
	if err == nil {
		err = service.Validate()
	}
	exitOn(name, err)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := service.Logging().Logger(os.Stderr).With("service", name)
	if chosen.Command() == "migrate" {
		exitOn(name, service.Migrate(ctx, log))
	} else {
		exitOn(name, service.Run(ctx, log))
	}
	os.Exit(0)
}

func exitOn(name string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
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
