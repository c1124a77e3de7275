package controller

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/openorder/openorder/services/cluster"
	"github.com/openorder/openorder/services/internal/cli"
)

// Command is the topic controller's command line.
type Command struct {
	Run       Config            `cmd:"" default:"withargs" help:"Make KafkaTopic resources and topics agree (the default)."`
	Secrets   cluster.Secrets   `cmd:"" help:"Make the password Secrets that are missing, once; the chart's Job does."`
	Preflight cluster.Preflight `cmd:"" help:"List everything that rendered manifests need and the cluster lacks."`
	Version   kong.VersionFlag  `help:"Print the version and exit."`
}

// Main runs the command line and returns the exit code. Interrupt and SIGTERM stop in an orderly way.
func Main(args []string) int {
	var command Command
	parser := kong.Must(&command, kong.Name("topic-controller"), kong.Vars{"version": cli.Version()},
		kong.Description("Makes KafkaTopic resources (kafkatopics.kafka.openorder.io) and the topics of one Kafka-protocol cluster agree."))
	chosen, err := parser.Parse(args)
	if err != nil {
		return fail(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	chosen.BindTo(ctx, (*context.Context)(nil))
	chosen.BindTo(os.Stdin, (*io.Reader)(nil))
	chosen.BindTo(os.Stdout, (*io.Writer)(nil))
	if err := chosen.BindToProvider(cluster.Connect); err != nil {
		return fail(err)
	}
	if err := chosen.Run(command.Run.Logger()); err != nil {
		return fail(err)
	}
	return 0
}

func fail(err error) int {
	fmt.Fprintf(os.Stderr, "topic-controller: %v\n", err)
	return 1
}
