package redrive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/deadletter"
	"github.com/openorder/openorder/services/deadletter/consume"
)

// Trail is the topic that says what was redriven.
type Trail struct {
	Topic string
	// Foreign counts records that are no entries: nobody but a redrive should write there.
	Foreign int64

	client *kgo.Client
	exists bool              // whatever a broker says that does not know all topics yet
	read   *consume.Snapshot // up to here
}

// NewTrail is the trail of a dead letter topic. The topic may not exist yet.
func NewTrail(client *kgo.Client, topic string) *Trail {
	return &Trail{Topic: TrailTopic(topic), client: client}
}

// Follow hands the entries that are new since the last call to take. A topic that does not exist has none.
func (t *Trail) Follow(ctx context.Context, take func(deadletter.Entry)) error {
	now, err := consume.Take(ctx, t.client, t.Topic)
	if errors.Is(err, consume.ErrNoTopic) && !t.exists {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the trail: %w", err)
	}
	if t.read != nil {
		now.From(t.read)
	}
	err = now.Records(ctx, func(r *kgo.Record) error {
		entry, err := deadletter.DecodeEntry(r.Value)
		if err != nil {
			t.Foreign++ // and passed: it can name no letter
			return nil
		}
		take(entry)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the trail: %w", err)
	}
	t.read = now
	return nil
}

// make makes the topic if it is missing: kept for ever, never compacted, as safe as the dead letter topic.
func (t *Trail) make(ctx context.Context, replicas int) error {
	admin := kadm.NewClient(t.client)
	topics, err := admin.ListTopics(ctx, t.Topic)
	if err != nil {
		return fmt.Errorf("look up the trail: %w", err)
	}
	if !errors.Is(topics[t.Topic].Err, kerr.UnknownTopicOrPartition) {
		return nil // there, or hidden: reading it will tell
	}
	settings := map[string]*string{
		"cleanup.policy":  kadm.StringPtr("delete"),
		"retention.ms":    kadm.StringPtr("-1"),
		"retention.bytes": kadm.StringPtr("-1"),
	}
	if replicas >= 3 {
		settings["min.insync.replicas"] = kadm.StringPtr(strconv.Itoa(2))
	}
	created, err := admin.CreateTopic(ctx, 1, int16(cmp.Or(replicas, -1)), settings, t.Topic)
	if err == nil {
		err = created.Err
	}
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("make the trail %s (or have it made, with cleanup.policy=delete and retention.ms=-1): %w", t.Topic, err)
	}
	return nil
}

// await waits until the topic serves: one just made has no leader yet.
func (t *Trail) await(ctx context.Context) error {
	for {
		_, err := consume.Take(ctx, t.client, t.Topic)
		t.exists = err == nil
		if err == nil || !errors.Is(err, consume.ErrNoTopic) && !kerr.IsRetriable(err) {
			return err
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("wait for the trail %s: %w", t.Topic, err)
		}
	}
}

// openWait is how long a transaction of somebody else may stay open on the trail; one of a redrive ends before.
const openWait = 30 * time.Second

// settle waits until what is there now is committed or aborted: nothing behind an open transaction is seen, be it done.
func (t *Trail) settle(ctx context.Context) error {
	admin := kadm.NewClient(t.client)
	ends, err := admin.ListEndOffsets(ctx, t.Topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("read the trail: %w", err)
	}
	for began := time.Now(); time.Since(began) < openWait; {
		committed, err := admin.ListCommittedOffsets(ctx, t.Topic)
		if err == nil && reaches(committed, ends) {
			return nil
		}
		if err == nil {
			err = pause(ctx)
		}
		if err != nil {
			return fmt.Errorf("read the trail: %w", err)
		}
	}
	return fmt.Errorf("read the trail: a transaction that is no redrive's is open on %s, and what lies behind it is not seen: let it end, or end it", t.Topic)
}

func reaches(committed, ends kadm.ListedOffsets) bool {
	all := true
	ends.Each(func(end kadm.ListedOffset) {
		stable, found := committed.Lookup(end.Topic, end.Partition)
		all = all && found && stable.Err == nil && stable.Offset >= end.Offset
	})
	return all
}

// Forgets tells why the topic may lose entries, if it may; empty when it keeps them, or does not say.
func (t *Trail) Forgets(ctx context.Context) string {
	configs, err := kadm.NewClient(t.client).DescribeTopicConfigs(ctx, t.Topic)
	if err != nil {
		return "" // the right to ask is not needed to redrive
	}
	config, err := configs.On(t.Topic, nil)
	if err != nil || config.Err != nil {
		return ""
	}
	for _, setting := range config.Configs {
		switch value := setting.MaybeValue(); {
		case setting.Key == "cleanup.policy" && value != "delete":
			return "cleanup.policy is " + value
		case (setting.Key == "retention.ms" || setting.Key == "retention.bytes") && value != "-1" && value != "":
			return setting.Key + " is " + value
		}
	}
	return ""
}
