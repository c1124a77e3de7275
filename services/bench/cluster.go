package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
)

// The names are the services' own, so a cluster is either the bench's or somebody's.
var (
	outcomeTopics = []string{event.TopicInventoryReserved, event.TopicInventoryRejected, event.TopicDeadLetter}
	topics        = append([]string{event.TopicOrderCreated}, outcomeTopics...)
	groups        = []string{event.GroupOrder, event.GroupInventory, event.GroupNotification, groupFloor}
)

// cluster is the Kafka cluster that is measured on.
type cluster struct {
	config      kafka.Config
	described   string
	partitions  int32
	replication int16
	client      *kgo.Client
	admin       *kadm.Client
	stop        func() error
}

func newCluster(config kafka.Config, partitions int32, replication int16) (*cluster, error) {
	client, err := kgo.NewClient(append(config.Options("openorder-bench", slog.New(slog.DiscardHandler)),
		kgo.MaxBufferedRecords(50_000),
		kgo.RecordDeliveryTimeout(time.Minute),
	)...)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return &cluster{config: config, partitions: partitions, replication: replication, client: client, admin: kadm.NewClient(client)}, nil
}

// claim makes sure that nothing on the cluster is somebody's, or deletes what is when told so.
func (k *cluster) claim(ctx context.Context, force bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	found, err := k.admin.ListTopics(ctx, slices.Clone(topics)...) // kadm sorts what it is given
	if err != nil {
		return fmt.Errorf("look at the cluster's topics: %w", err)
	}
	var taken []string
	for _, topic := range found.Sorted() {
		if topic.Err != nil {
			continue // unknown, that is
		}
		count, err := k.records(ctx, topic.Topic)
		if err != nil {
			return err
		}
		taken = append(taken, fmt.Sprintf("%s (%d records)", topic.Topic, count))
	}
	if len(taken) > 0 && !force {
		return fmt.Errorf("this cluster has %s already; bench on a cluster of its own, or with --force, which deletes these topics and the groups %s",
			strings.Join(taken, ", "), strings.Join(groups, ", "))
	}
	return k.remove(ctx)
}

// close leaves the cluster as it was found.
func (k *cluster) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := k.remove(ctx)
	k.client.Close()
	return errors.Join(err, k.stop())
}

// renew makes all topics anew, empty, and forgets the groups.
func (k *cluster) renew(ctx context.Context) error {
	if err := k.remove(ctx); err != nil {
		return err
	}
	return k.create(ctx, topics)
}

// renewOutcomes does so with all but order.created.
func (k *cluster) renewOutcomes(ctx context.Context) error {
	if err := k.forget(ctx); err != nil {
		return err
	}
	if err := k.deleteTopics(ctx, outcomeTopics); err != nil {
		return err
	}
	return k.create(ctx, outcomeTopics)
}

func (k *cluster) remove(ctx context.Context) error {
	if err := k.forget(ctx); err != nil {
		return err
	}
	return k.deleteTopics(ctx, topics)
}

func (k *cluster) create(ctx context.Context, names []string) error {
	// A topic deleted a moment ago may still be there for some brokers.
	err := untilDone(ctx, 30*time.Second, func() error {
		created, err := k.admin.CreateTopics(ctx, k.partitions, k.replication, nil, slices.Clone(names)...)
		if err != nil {
			return err
		}
		for _, topic := range created {
			if topic.Err != nil && !errors.Is(topic.Err, kerr.TopicAlreadyExists) {
				return fmt.Errorf("%w %s", topic.Err, topic.ErrMessage)
			}
		}
		offsets, err := k.admin.ListEndOffsets(ctx, slices.Clone(names)...)
		return errors.Join(err, offsets.Error())
	})
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	k.client.PurgeTopicsFromProducing(names...) // or it goes on with the old ones' ids
	return nil
}

func (k *cluster) deleteTopics(ctx context.Context, names []string) error {
	err := untilDone(ctx, 30*time.Second, func() error {
		if _, err := k.admin.DeleteTopics(ctx, slices.Clone(names)...); err != nil {
			return err
		}
		left, err := k.admin.ListTopics(ctx, slices.Clone(names)...)
		if err != nil {
			return err
		}
		for _, topic := range left {
			if topic.Err == nil {
				return fmt.Errorf("%s is still there", topic.Topic)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete topics: %w", err)
	}
	return nil
}

// forget deletes the groups with their offsets. One whose last member has just left takes a moment to be empty.
func (k *cluster) forget(ctx context.Context) error {
	err := untilDone(ctx, 30*time.Second, func() error {
		deleted, err := k.admin.DeleteGroups(ctx, slices.Clone(groups)...)
		if err != nil {
			return err
		}
		for _, group := range deleted {
			if group.Err != nil && !errors.Is(group.Err, kerr.GroupIDNotFound) {
				return fmt.Errorf("%s: %w", group.Group, group.Err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete consumer groups: %w", err)
	}
	return nil
}

// records is how many records were ever written to a topic.
func (k *cluster) records(ctx context.Context, topic string) (int64, error) {
	ends, err := k.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("count the records of %s: %w", topic, err)
	}
	var sum int64
	ends.Each(func(end kadm.ListedOffset) { sum += end.Offset })
	return sum, nil
}

// sharedBy tells whether so many members share all of order.created, settled.
func (k *cluster) sharedBy(ctx context.Context, group string, members int) (bool, error) {
	described, err := k.admin.DescribeGroups(ctx, group)
	if err != nil {
		return false, fmt.Errorf("look at the group: %w", err)
	}
	g := described[group]
	if g.Err != nil || g.State != "Stable" || len(g.Members) != members {
		return false, nil
	}
	assigned := 0
	for _, member := range g.Members {
		assignment, ok := member.Assigned.AsConsumer()
		if !ok {
			return false, nil
		}
		mine := 0
		for _, topic := range assignment.Topics {
			mine += len(topic.Partitions)
		}
		if mine == 0 {
			return false, nil
		}
		assigned += mine
	}
	return assigned == int(k.partitions), nil
}

// untilDone tries again until it works, and returns the last error after a time.
func untilDone(ctx context.Context, within time.Duration, attempt func() error) error {
	deadline := time.Now().Add(within)
	for {
		err := attempt()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// sleep waits, or returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
