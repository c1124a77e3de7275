package controller

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"k8s.io/client-go/kubernetes"

	"github.com/openorder/openorder/services/cluster"
	"github.com/openorder/openorder/services/internal/cli"
)

// Command is the topic controller's command line.
type Command struct {
	Run       Config           `cmd:"" default:"withargs" help:"Make KafkaTopic resources and topics agree (the default)."`
	Preflight preflight        `cmd:"" help:"Read rendered manifests and list everything that they need and the cluster lacks."`
	Secrets   secrets          `cmd:"" help:"Make the password Secrets that are missing."`
	Version   kong.VersionFlag `help:"Print the version and exit."`
}

// run is Run with the logger of the settings.
func (c *Config) run(ctx context.Context) error { return c.Run(ctx, c.Logger()) }

type preflight struct {
	cluster.Preflight `embed:""`
}

func (p *preflight) run(ctx context.Context) error {
	return connected(func(client kubernetes.Interface) error { return p.Preflight.Run(ctx, client, os.Stdin, os.Stdout) })
}

type secrets struct {
	cluster.Secrets `embed:""`
}

func (s *secrets) run(ctx context.Context) error {
	return connected(func(client kubernetes.Interface) error { return s.Secrets.Run(ctx, client, os.Stdout) })
}

func connected(do func(kubernetes.Interface) error) error {
	client, err := cluster.Connect()
	if err != nil {
		return err
	}
	return do(client)
}

// Main runs the command line and returns the exit code. Interrupt and SIGTERM stop in an orderly way.
func Main(args []string) int {
	var command Command
	parser := cli.NewParser(&command, kong.Name("topic-controller"), kong.Vars{"version": cli.Version()},
		kong.Description("Makes KafkaTopic resources (kafkatopics.kafka.openorder.io) and the topics of one Kafka-protocol cluster agree."))
	chosen, err := parser.Parse(args)
	if err != nil {
		return fail(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := map[string]func(context.Context) error{"run": command.Run.run, "preflight": command.Preflight.run, "secrets": command.Secrets.run}
	if err := run[chosen.Command()](ctx); err != nil {
		return fail(err)
	}
	return 0
}

func fail(err error) int {
	fmt.Fprintf(os.Stderr, "topic-controller: %v\n", err)
	return 1
}
