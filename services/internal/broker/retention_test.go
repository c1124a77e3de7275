package broker

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/event"
)

func TestTopicsAreBoundedBySizeAndDeadLettersAreKeptForEver(t *testing.T) {
	t.Parallel()
	b, err := Start(Config{Address: "127.0.0.1:0", Partitions: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Address()), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	value := bytes.Repeat([]byte{'x'}, 900_000)
	for range 90 { // more than 64 MiB
		for _, topic := range []string{event.TopicOrderCreated, event.TopicDeadLetter} {
			if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: value}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.cluster.ApplyRetention()
	starts, err := kadm.NewClient(client).ListStartOffsets(t.Context(), event.TopicOrderCreated, event.TopicDeadLetter)
	if err != nil {
		t.Fatal(err)
	}
	if start, _ := starts.Lookup(event.TopicOrderCreated, 0); start.Offset == 0 || start.Offset > 30 {
		t.Errorf("order.created starts at %d", start.Offset)
	}
	if start, _ := starts.Lookup(event.TopicDeadLetter, 0); start.Offset != 0 {
		t.Errorf("dead letters are gone up to %d", start.Offset)
	}
}
