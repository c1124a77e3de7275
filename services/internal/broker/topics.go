package broker

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/event"
)

// Retention is by size, never by time: kfake numbers a partition that was emptied by age from 0 again after a crash,
// below the offsets committed. Dead letters, and the trails of their redrives (made by the first redrive), are kept for
// ever.
var (
	forEver = map[string]*string{
		"retention.ms":      kadm.StringPtr("-1"),
		"max.message.bytes": kadm.StringPtr("2097152"), // a dead letter is larger than its origin
	}
	bounded = map[string]*string{
		"retention.ms":    kadm.StringPtr("-1"),
		"retention.bytes": kadm.StringPtr("67108864"), // a partition
		"segment.bytes":   kadm.StringPtr("8388608"),  // space is freed by whole segments
	}
)

// makeTopics makes the topics that are missing, and leaves the others as they are. It goes to the address that the broker
// is bound to: the one it advertises may be known to others only.
func makeTopics(bound string, partitions int32) error {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, bound)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(bound), kgo.Dialer(dial))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(
		makeMissing(ctx, client, partitions, bounded, event.TopicOrderCreated, event.TopicInventoryReserved, event.TopicInventoryRejected),
		makeMissing(ctx, client, partitions, forEver, event.TopicDeadLetter),
	)
}

func makeMissing(ctx context.Context, client *kgo.Client, partitions int32, settings map[string]*string, topics ...string) error {
	admin := kadm.NewClient(client)
	there, err := admin.ListTopics(ctx, topics...)
	if err != nil {
		return err
	}
	topics = slices.DeleteFunc(topics, there.Has)
	if len(topics) == 0 {
		return nil // on a full disk the broker would refuse even this
	}
	made, err := admin.CreateTopics(ctx, partitions, 1, settings, topics...)
	if err != nil {
		return err
	}
	for _, topic := range made {
		if topic.Err != nil && !errors.Is(topic.Err, kerr.TopicAlreadyExists) {
			return topic.Err
		}
	}
	return nil
}
