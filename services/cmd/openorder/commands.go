package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

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

// execute runs a command line and returns the process's exit code.
func execute(args []string) int {
	if len(args) > 1 && args[0] == "service" {
		return runSingle(args[1], args[2:])
	}
	return cli.Execute(newCommand(new(serve)), args)
}

// newCommand is everything that the binary does.
func newCommand(all *serve) *cobra.Command {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	var auditing audit.Command
	var benching bench.Command
	var smoking smoke.Command
	root := cli.Command("openorder", "An order pipeline on Kafka events that loses nothing and oversells nothing.", all, all.Run)
	root.AddCommand(
		cli.Command("serve", "The three services in one process, over an embedded broker and SQLite (the default).", all, all.Run),
		besideRunning(deadletter.Command(terminal.Standard())),
		besideRunning(topics.Command(terminal.Standard())),
		besideRunning(cli.Command("audit", "Check that nothing was lost, oversold or told twice.", &auditing,
			func(ctx context.Context) error { return auditing.Run(ctx, os.Stdout, log) })),
		cli.Command("bench", "Measure the services against floors of the same run.", &benching,
			func(ctx context.Context) error { return benching.Run(ctx, log) }),
		cli.Command("smoke", "Place orders on a running system and wait for their outcomes.", &smoking,
			func(ctx context.Context) error { return smoking.Run(ctx, os.Stdout) }),
	)
	return root
}

// runSingle is `openorder service NAME ...`: what the binary of that service does, with the same flags. bench measures by it.
func runSingle(name string, args []string) int {
	services := map[string]cli.Service{"order": new(order.Config), "inventory": new(inventory.Config), "notification": new(notification.Config)}
	chosen, known := services[name]
	if !known {
		fmt.Fprintf(os.Stderr, "openorder: %q is none of order, inventory, notification\n", name)
		return cli.ExitUsage
	}
	return cli.Execute(cli.ServiceCommand(name, "The "+name+" service.", chosen, nil), args)
}
