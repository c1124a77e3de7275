package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/openorder/openorder/services/audit"
	"github.com/openorder/openorder/services/bench"
	deadletter "github.com/openorder/openorder/services/deadletter/command"
	"github.com/openorder/openorder/services/internal/cli"
	"github.com/openorder/openorder/services/internal/terminal"
	inventory "github.com/openorder/openorder/services/inventory/app"
	notification "github.com/openorder/openorder/services/notification/app"
	order "github.com/openorder/openorder/services/order/app"
	"github.com/openorder/openorder/services/smoke"
	topics "github.com/openorder/openorder/services/topic/command"
)

// commands is everything that the binary does.
type commands struct {
	Serve   serve               `cmd:"" default:"withargs" help:"The three services in one process, over an embedded broker and SQLite (the default)."`
	DLT     deadletter.Commands `cmd:"" name:"dlt" help:"List, show and redrive dead letters, on any Kafka-protocol cluster."`
	Topics  topics.Commands     `cmd:"" help:"Make and compare topics, on any Kafka-protocol cluster."`
	Audit   audit.Command       `cmd:"" help:"Check that nothing was lost, oversold or told twice."`
	Bench   bench.Command       `cmd:"" help:"Measure the services against floors of the same run."`
	Smoke   smoke.Command       `cmd:"" help:"Place orders on a running system and wait for their outcomes."`
	Service single              `cmd:"" hidden:"" passthrough:"" help:"Run one service as its own binary does."`
	Version kong.VersionFlag    `help:"Print the version and exit."`
}

// execute runs a command line and returns the process's exit code.
func execute(args []string) int {
	if len(args) > 1 && args[0] == "service" {
		return runSingle(args[1], args[2:])
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	chosen, err := newParser(ctx, new(commands)).Parse(args)
	if err == nil {
		err = chosen.Run()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "openorder: %v\n", err)
	}
	return exitCode(err)
}

func newParser(ctx context.Context, all *commands) *cli.Parser {
	return cli.NewParser(all, kong.Name("openorder"), kong.Description("An order pipeline on Kafka events that loses nothing and oversells nothing."),
		kong.Vars{"version": cli.Version()}, bench.Vars, kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.Resolvers(runningInstance()),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.BindTo(os.Stdout, (*io.Writer)(nil)),
		kong.Bind(terminal.Standard()), kong.Bind(slog.New(slog.NewTextHandler(os.Stderr, nil))))
}

// exitCode is what a command's error asks for: 1, unless it says otherwise.
func exitCode(err error) int {
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

// single is `openorder service NAME ...`: what the binary of that service does, with the same flags. bench measures by it.
type single struct {
	Args []string `arg:"" optional:""`
}

func runSingle(name string, args []string) int {
	services := map[string]cli.Service{"order": new(order.Config), "inventory": new(inventory.Config), "notification": new(notification.Config)}
	chosen, known := services[name]
	if !known {
		fmt.Fprintf(os.Stderr, "openorder: %q is none of order, inventory, notification\n", name)
		return 1
	}
	return cli.Execute(name, "The "+name+" service.", chosen, nil, args)
}
