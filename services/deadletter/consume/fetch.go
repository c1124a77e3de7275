package consume

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	fetchBytes = 4 << 20
	patience   = time.Minute
	pause      = 100 * time.Millisecond
)

// read hands the records of one partition to take. It asks the leader itself, by topic id and offset, since a consumer
// cannot tell that it stands at the end when the last offsets hold no record (a transaction's marker, an aborted one),
// nor that the topic under the name is still the same.
func (s *Snapshot) read(ctx context.Context, b bounds, take func(*kgo.Record) error) error {
	moved := time.Now()
	var hindrance error
	for at := b.start; at < b.end; {
		fetched, next, err := s.fetch(ctx, b.partition, at)
		switch {
		case err == nil:
		case errors.Is(err, kerr.OffsetOutOfRange):
			hindrance = err
			next, err = s.firstOffset(ctx, b.partition)
		default:
			hindrance = err
			err = s.relocate(ctx, err)
		}
		if err != nil {
			return fmt.Errorf("read %s, partition %d, offset %d: %w", s.Topic, b.partition, at, err)
		}
		for _, r := range fetched {
			if r.Offset >= b.end {
				break
			}
			if err := take(r); err != nil {
				return err
			}
		}
		if next > at {
			at, moved, hindrance = next, time.Now(), nil
		} else if time.Since(moved) > patience {
			return errors.Join(fmt.Errorf("read %s, partition %d: nothing came from offset %d on for %s, though it goes on to %d", s.Topic, b.partition, at, patience, b.end), hindrance)
		}
	}
	return nil
}

// fetch asks the leader for records from an offset on, and returns the offset to go on from.
func (s *Snapshot) fetch(ctx context.Context, partition int32, offset int64) ([]*kgo.Record, int64, error) {
	request := kmsg.NewPtrFetchRequest()
	request.MaxWaitMillis, request.MinBytes, request.MaxBytes = 500, 1, fetchBytes
	request.IsolationLevel = 1 // committed records only
	request.SessionEpoch = -1  // no session
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = s.Topic, s.id
	part := kmsg.NewFetchRequestTopicPartition()
	part.Partition, part.FetchOffset, part.PartitionMaxBytes = partition, offset, fetchBytes
	topic.Partitions = append(topic.Partitions, part)
	request.Topics = append(request.Topics, topic)

	response, err := request.RequestWith(ctx, s.client.Broker(int(s.leaders[partition])))
	if err != nil {
		return nil, offset, err
	}
	if err := kerr.ErrorForCode(response.ErrorCode); err != nil {
		return nil, offset, err
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return nil, offset, errors.New("the broker answered for another partition")
	}
	options := kgo.ProcessFetchPartitionOpts{Offset: offset, IsolationLevel: kgo.ReadCommitted(), Topic: s.Topic, Partition: partition}
	fetched, next := kgo.ProcessFetchPartition(options, &response.Topics[0].Partitions[0], decompressor, nil)
	return fetched.Records, next, fetched.Err
}

var decompressor = kgo.DefaultDecompressor()

// firstOffset is where a partition begins now: retention has removed what was asked for.
func (s *Snapshot) firstOffset(ctx context.Context, partition int32) (int64, error) {
	if err := rest(ctx); err != nil {
		return 0, err
	}
	starts, err := s.admin.ListStartOffsets(ctx, s.Topic)
	if err != nil {
		return 0, err
	}
	start, _ := starts.Lookup(s.Topic, partition)
	return start.Offset, start.Err
}

// relocate finds the leaders again after a failure that may pass, and returns the failures that will not.
func (s *Snapshot) relocate(ctx context.Context, cause error) error {
	if kafka := (*kerr.Error)(nil); errors.As(cause, &kafka) && !kafka.Retriable && !errors.Is(cause, kerr.UnknownTopicID) {
		return cause
	}
	if err := rest(ctx); err != nil {
		return err
	}
	found, err := s.describe(ctx)
	if err != nil {
		return err
	}
	if found.ID != s.id {
		return errors.New("the topic was deleted and made again meanwhile: start again to read the new one")
	}
	return nil
}

func rest(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pause):
		return nil
	}
}
