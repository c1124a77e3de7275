package broker

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/openorder/openorder/services/internal/event"
)

// onDiskWith starts a broker on a disk with as much free space as said, and returns what sets that, and a client.
func onDiskWith(t *testing.T, free uint64) (set func(uint64), client *kgo.Client) {
	t.Helper()
	var space atomic.Uint64
	space.Store(1 << 40)
	b, err := Start(Config{
		Dir: t.TempDir(), Address: "127.0.0.1:0", Partitions: 1, Log: slog.New(slog.DiscardHandler),
		free: func(string) (uint64, error) { return space.Load(), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	client, err = kgo.NewClient(kgo.SeedBrokers(b.Address()), kgo.DefaultProduceTopic(event.TopicOrderCreated),
		kgo.MaxVersions(kversion.V3_0_0())) // topics by name in requests of our own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	space.Store(free)
	return space.Store, client
}

func TestARecordIsAcknowledgedOnlyOnceThereIsRoomForIt(t *testing.T) {
	t.Parallel()
	setFree, client := onDiskWith(t, roomForRecords-1)
	done := make(chan error, 1)
	client.Produce(t.Context(), &kgo.Record{Value: []byte("an order")}, func(_ *kgo.Record, err error) { done <- err })
	if end := endOf(t, client); end != 0 {
		t.Fatalf("%d records were written", end)
	}
	select {
	case err := <-done:
		t.Fatal("answered without room: ", err)
	default:
	}
	setFree(1 << 40)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if end := endOf(t, client); end != 1 {
		t.Fatalf("%d records after one was acknowledged", end)
	}
}

func endOf(t *testing.T, client *kgo.Client) int64 {
	t.Helper()
	ends, err := kadm.NewClient(client).ListEndOffsets(t.Context(), event.TopicOrderCreated)
	if err != nil || ends.Error() != nil {
		t.Fatal(err, ends.Error())
	}
	end, _ := ends.Lookup(event.TopicOrderCreated, 0)
	return end.Offset
}

// What kfake would acknowledge and only log.
func TestStateThatCannotBeKeptIsRefused(t *testing.T) {
	t.Parallel()
	_, client := onDiskWith(t, roomForState-1)
	broker := client.SeedBrokers()[0]

	commit := kmsg.NewPtrOffsetCommitRequest()
	commit.Group = event.GroupInventory
	commit.Topics = []kmsg.OffsetCommitRequestTopic{{
		Topic: event.TopicOrderCreated, Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 1, LeaderEpoch: -1}},
	}}
	commit.Generation = -1
	init := kmsg.NewPtrInitProducerIDRequest()
	topic := kmsg.NewPtrCreateTopicsRequest()
	topic.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: "new", NumPartitions: 1, ReplicationFactor: 1}}

	for name, ask := range map[string]func(context.Context) (int16, error){
		"an offset": func(ctx context.Context) (int16, error) {
			answer, err := broker.Request(ctx, commit)
			return code(err, func() int16 { return answer.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode }), err
		},
		"a producer's id": func(ctx context.Context) (int16, error) {
			answer, err := broker.Request(ctx, init)
			return code(err, func() int16 { return answer.(*kmsg.InitProducerIDResponse).ErrorCode }), err
		},
		"a topic": func(ctx context.Context) (int16, error) {
			answer, err := broker.Request(ctx, topic)
			return code(err, func() int16 { return answer.(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode }), err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			got, err := ask(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if refusal := kerr.ErrorForCode(got); !errors.Is(refusal, kerr.CoordinatorLoadInProgress) && !errors.Is(refusal, kerr.KafkaStorageError) {
				t.Errorf("answered %v", refusal)
			}
		})
	}
}

func TestThatFreeSpaceCannotBeAskedForIsToldOnce(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	r := newRoom(Config{
		Dir: "here", Log: slog.New(slog.NewTextHandler(&said, nil)),
		free: func(string) (uint64, error) { return 0, errors.ErrUnsupported },
	})
	for range 3 {
		if !r.has(roomForRecords) {
			t.Error("refused")
		}
	}
	if lines := strings.Count(said.String(), "\n"); lines != 1 || !strings.Contains(said.String(), "level=WARN") {
		t.Errorf("it said:\n%s", said.String())
	}
}

func code(err error, read func() int16) int16 {
	if err != nil {
		return 0
	}
	return read()
}
