package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/openorder/openorder/services/internal/kafka"
)

// openCluster connects to the brokers given, or starts an embedded one on a disk of its own, synced as the all-in-one's.
func openCluster(ctx context.Context, c *Command) (*cluster, error) {
	config, described, stop := kafka.Config(c.Kafka), c.Kafka.Brokers, func() error { return nil }
	if config.Brokers == "" {
		broker, dir, err := startBroker()
		if err != nil {
			return nil, fmt.Errorf("start the embedded broker: %w", err)
		}
		config = kafka.Config{Brokers: strings.Join(broker.ListenAddrs(), ",")}
		described = "embedded"
		stop = func() error {
			broker.Close()
			return os.RemoveAll(dir)
		}
	}
	k, err := newCluster(config, c.Partitions, c.Replication)
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	k.described, k.stop = described, stop
	if err := k.claim(ctx, c.Force); err != nil {
		k.client.Close()
		return nil, errors.Join(err, stop())
	}
	return k, nil
}

func startBroker() (*kfake.Cluster, string, error) {
	dir, err := os.MkdirTemp("", "openorder-bench-broker-")
	if err != nil {
		return nil, "", err
	}
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(dir), kfake.SyncWrites())
	if err != nil {
		return nil, "", errors.Join(err, os.RemoveAll(dir))
	}
	return broker, dir, nil
}
