package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
)

var topics = map[eventKind]string{
	createdEvent: event.TopicOrderCreated, reservedEvent: event.TopicInventoryReserved,
	rejectedEvent: event.TopicInventoryRejected, letterEvent: event.TopicDeadLetter,
}

// stalled is how long reading may come no further before it is given up.
const stalled = 30 * time.Second

// reader reads topics from given offsets on, committed records only, and remembers how far it has come.
type reader struct {
	client   *kgo.Client
	admin    *kadm.Client
	topics   []string
	position map[partition]int64
}

func newReader(config kafka.Config, log *slog.Logger, from map[partition]int64) (*reader, error) {
	r := &reader{position: from}
	starts := map[string]map[int32]kgo.Offset{}
	for p, offset := range from {
		if starts[p.topic] == nil {
			starts[p.topic] = map[int32]kgo.Offset{}
			r.topics = append(r.topics, p.topic)
		}
		starts[p.topic][p.number] = kgo.NewOffset().At(offset)
	}
	client, err := kgo.NewClient(append(config.Options("openorder-audit", log),
		kgo.ConsumePartitions(starts),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // the end of a transaction is where a partition may end
		kgo.FetchMaxBytes(16<<20),
		kgo.FetchMaxPartitionBytes(4<<20),
		kgo.MaxConcurrentFetches(3),
	)...)
	if err != nil {
		return nil, fmt.Errorf("make a reader: %w", err)
	}
	r.client, r.admin = client, kadm.NewClient(client)
	return r, nil
}

func (r *reader) close() { r.client.Close() }

// readToEnd reads everything that is there now.
func (r *reader) readToEnd(ctx context.Context, each func(*kgo.Record) error) error {
	if len(r.topics) == 0 {
		return nil
	}
	ends, err := r.admin.ListCommittedOffsets(ctx, r.topics...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("list the ends of %v: %w", r.topics, err)
	}
	last := time.Now()
	for r.behind(ends) {
		polling, cancel := context.WithTimeout(ctx, time.Second)
		fetches := r.client.PollRecords(polling, 10_000)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if fetches.NumRecords() > 0 {
			last = time.Now()
		} else if err := r.wait(ctx, fetches, last); err != nil {
			return err
		}
		for records := fetches.RecordIter(); !records.Done(); {
			record := records.Next()
			r.position[partition{record.Topic, record.Partition}] = record.Offset + 1
			if record.Attrs.IsControl() {
				continue
			}
			if err := each(record); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *reader) behind(ends kadm.ListedOffsets) bool {
	behind := false
	ends.Each(func(o kadm.ListedOffset) {
		behind = behind || r.position[partition{o.Topic, o.Partition}] < o.Offset
	})
	return behind
}

// wait goes on after a poll without records. What has been deleted at a topic's beginning meanwhile is skipped.
func (r *reader) wait(ctx context.Context, fetches kgo.Fetches, last time.Time) error {
	starts, err := r.admin.ListStartOffsets(ctx, r.topics...)
	if err == nil {
		starts.Each(func(o kadm.ListedOffset) {
			p := partition{o.Topic, o.Partition}
			if o.Err == nil && r.position[p] < o.Offset {
				r.position[p] = o.Offset
			}
		})
	}
	if time.Since(last) < stalled {
		return nil
	}
	for _, fetch := range fetches.Errors() {
		if !errors.Is(fetch.Err, context.DeadlineExceeded) {
			return fmt.Errorf("read %s: %w", fetch.Topic, fetch.Err)
		}
	}
	return fmt.Errorf("read %v: nothing more comes, though the end is not reached", r.topics)
}

// firstOffsets are where topics begin.
func firstOffsets(ctx context.Context, admin *kadm.Client, names ...string) (map[partition]int64, error) {
	listed, err := admin.ListStartOffsets(ctx, names...)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list the beginnings of %v: %w", names, err)
	}
	first := map[partition]int64{}
	listed.Each(func(o kadm.ListedOffset) { first[partition{o.Topic, o.Partition}] = o.Offset })
	return first, nil
}

// finishedOffsets are the offsets that groups have committed, of what is in their topics. A commit beyond a topic's end
// belongs to one of that name that was deleted; so the ends are looked up after the commits, which go on meanwhile.
func finishedOffsets(ctx context.Context, admin *kadm.Client, groups ...string) (map[string]map[partition]int64, error) {
	commits := map[string]kadm.OffsetResponses{}
	for _, group := range groups {
		committed, err := admin.FetchOffsets(ctx, group)
		if errors.Is(err, kerr.GroupIDNotFound) {
			continue
		}
		if err == nil {
			err = committed.Error()
		}
		if err != nil {
			return nil, fmt.Errorf("look up the offsets of group %s: %w", group, err)
		}
		commits[group] = committed
	}
	names := make([]string, 0, len(topics))
	for _, name := range topics {
		names = append(names, name)
	}
	ends, err := admin.ListEndOffsets(ctx, names...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list the ends of %v: %w", names, err)
	}
	done := map[string]map[partition]int64{}
	for group, committed := range commits {
		done[group] = map[partition]int64{}
		committed.Each(func(o kadm.OffsetResponse) {
			if end, exists := ends.Lookup(o.Topic, o.Partition); exists && o.At <= end.Offset {
				done[group][partition{o.Topic, o.Partition}] = o.At
			}
		})
	}
	return done, nil
}

// readFact takes from a record what is kept of it. A dead letter of another origin says nothing of an order.
func readFact(r *kgo.Record) (fact eventFact, about bool, err error) {
	fact = eventFact{offset: r.Offset, partition: r.Partition}
	switch r.Topic {
	case event.TopicOrderCreated, event.TopicDeadLetter:
		fact.kind = createdEvent
		if r.Topic == event.TopicDeadLetter {
			fact.kind = letterEvent
			if string(kafka.HeaderValue(r, kafka.HeaderOriginalTopic)) != event.TopicOrderCreated ||
				string(kafka.HeaderValue(r, kafka.HeaderOriginalGroup)) != event.GroupInventory {
				return fact, false, nil
			}
		}
		order, err := event.DecodeOrderCreated(r.Value)
		fact.orderID, fact.id = order.OrderID, parseEventID(order.EventID)
		return fact, true, err
	default:
		outcome, err := event.DecodeOutcome(r.Value)
		if err == nil && outcome.Topic() != r.Topic {
			err = fmt.Errorf("%s in %s", outcome.Status, r.Topic)
		}
		fact.kind = reservedEvent
		if r.Topic == event.TopicInventoryRejected {
			fact.kind = rejectedEvent
		}
		fact.orderID, fact.id = outcome.OrderID, parseEventID(outcome.EventID)
		fact.cause = parseEventID(string(kafka.HeaderValue(r, event.HeaderCausation)))
		return fact, true, err
	}
}
