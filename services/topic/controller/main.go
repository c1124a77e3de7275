package controller

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"

	"github.com/openorder/openorder/services/cluster"
	"github.com/openorder/openorder/services/internal/cli"
)

// Command is the topic controller's command line.
func Command() *cobra.Command {
	var config Config
	var preflight cluster.Preflight
	var secrets cluster.Secrets
	run := func(ctx context.Context) error { return config.Run(ctx, config.Logger()) }
	root := cli.Command("topic-controller",
		"Makes KafkaTopic resources (kafkatopics.kafka.openorder.io) and the topics of one Kafka-protocol cluster agree.", &config, run)
	root.AddCommand(
		cli.Command("run", "Make KafkaTopic resources and topics agree (the default).", &config, run),
		cli.Command("preflight", "Read rendered manifests and list everything that they need and the cluster lacks.", &preflight, func(ctx context.Context) error {
			return connected(func(client kubernetes.Interface) error { return preflight.Run(ctx, client, os.Stdin, os.Stdout) })
		}),
		cli.Command("secrets", "Make the password Secrets that are missing.", &secrets, func(ctx context.Context) error {
			return connected(func(client kubernetes.Interface) error { return secrets.Run(ctx, client, os.Stdout) })
		}),
	)
	return root
}

func connected(do func(kubernetes.Interface) error) error {
	client, err := cluster.Connect()
	if err != nil {
		return err
	}
	return do(client)
}
