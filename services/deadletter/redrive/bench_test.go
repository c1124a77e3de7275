package redrive_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/deadletter"
	"github.com/openorder/openorder/services/deadletter/consume"
	"github.com/openorder/openorder/services/deadletter/redrive"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

const (
	dlt    = "orders.DLT"
	origin = "orders"
)

// bench is a cluster with an origin and a dead letter topic of three partitions each.
type bench struct {
	t      *testing.T
	kafka  kafka.Config
	client *kgo.Client
}

func setup(t *testing.T, brokers kafka.Config) *bench {
	t.Helper()
	testenv.CreateTopics(t, brokers, 3, origin, dlt)
	client, err := kgo.NewClient(append(brokers.Options("test", slog.New(slog.DiscardHandler)),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(64<<20))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &bench{t, brokers, client}
}

// bury writes dead letters as Spring does.
func (b *bench) bury(letters ...*kgo.Record) {
	b.t.Helper()
	if err := b.client.ProduceSync(b.t.Context(), letters...).FirstErr(); err != nil {
		b.t.Fatal(fmt.Errorf("write dead letters: %w", err))
	}
}

// spring is a dead letter with Spring's headers around one of the record's own.
func spring(n int) *kgo.Record {
	partition := int32(n % 3)
	return &kgo.Record{
		Topic: dlt, Partition: partition,
		Key: fmt.Append(nil, "key-", n), Value: fmt.Appendf(nil, `{"n":%d}`, n),
		Headers: []kgo.RecordHeader{
			{Key: "traceparent", Value: []byte("00-trace")},
			{Key: "kafka_dlt-exception-fqcn", Value: []byte("a.b.WrapperException")},
			{Key: "kafka_dlt-exception-message", Value: []byte("no stock")},
			{Key: "kafka_dlt-exception-stacktrace", Value: []byte("at a.b.c\nat d")},
			{Key: "kafka_dlt-original-topic", Value: []byte(origin)},
			{Key: "kafka_dlt-original-partition", Value: binary.BigEndian.AppendUint32(nil, uint32(partition))},
			{Key: "kafka_dlt-original-offset", Value: binary.BigEndian.AppendUint64(nil, uint64(1000+n))},
			{Key: "kafka_dlt-original-consumer-group", Value: []byte("inventory-service")},
		},
	}
}

func springs(count int) []*kgo.Record {
	var letters []*kgo.Record
	for n := range count {
		letters = append(letters, spring(n))
	}
	return letters
}

func with(r *kgo.Record, key, value string) *kgo.Record {
	r.Headers = append(r.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	return r
}

func (b *bench) plan(change ...func(*redrive.Plan)) redrive.Plan {
	plan := redrive.Plan{Kafka: b.kafka, Topic: dlt, Families: deadletter.Families, By: "tester", Run: "run-1"}
	for _, c := range change {
		c(&plan)
	}
	return plan
}

func (b *bench) open(plan redrive.Plan) *redrive.Redrive {
	b.t.Helper()
	run, err := redrive.Open(b.t.Context(), plan, slog.New(slog.DiscardHandler))
	if err != nil {
		b.t.Fatal(fmt.Errorf("open a redrive: %w", err))
	}
	b.t.Cleanup(run.Close)
	return run
}

func (b *bench) redrive(change ...func(*redrive.Plan)) *redrive.Report {
	b.t.Helper()
	report, err := b.open(b.plan(change...)).Run(b.t.Context(), quiet)
	if err != nil {
		b.t.Fatal(fmt.Errorf("redrive: %w", err))
	}
	return report
}

func quiet(*redrive.Report) {}

// records is what readers of committed records see of a topic, once no transaction is under way: a broker confirms the
// end of a transaction before it shows.
func (b *bench) records(topic string) []*kgo.Record {
	b.t.Helper()
	admin := kadm.NewClient(b.client)
	testenv.Eventually(b.t, "no transaction is under way on "+topic, func() bool {
		committed, err := admin.ListCommittedOffsets(b.t.Context(), topic)
		ends, err2 := admin.ListEndOffsets(b.t.Context(), topic)
		return errors.Join(err, err2) == nil && cmp.Equal(committed.Offsets(), ends.Offsets())
	})
	snapshot, err := consume.Take(b.t.Context(), b.client, topic)
	if err != nil {
		b.t.Fatal(err)
	}
	var all []*kgo.Record
	err = snapshot.Records(b.t.Context(), func(r *kgo.Record) error {
		all = append(all, r)
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

func (b *bench) keys(topic string) []string {
	b.t.Helper()
	var keys []string
	for _, r := range b.records(topic) {
		keys = append(keys, string(r.Key))
	}
	slices.Sort(keys)
	return keys
}

func (b *bench) trail() []deadletter.Entry {
	b.t.Helper()
	var entries []deadletter.Entry
	for _, r := range b.records(dlt + ".redrives") {
		entry, err := deadletter.DecodeEntry(r.Value)
		if err != nil {
			b.t.Fatal(err)
		}
		entries = append(entries, entry)
	}
	return entries
}

// wantEachOnce checks that every letter lies in the origin and in the trail, once.
func (b *bench) wantEachOnce(letters int) {
	b.t.Helper()
	var want []string
	for n := range letters {
		want = append(want, fmt.Sprint("key-", n))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, b.keys(origin)); diff != "" {
		b.t.Errorf("redriven records (-want +got):\n%s", diff)
	}
	seen := map[deadletter.ID]bool{}
	for _, e := range b.trail() {
		if seen[e.ID()] {
			b.t.Errorf("the trail has %s twice", e.ID().Position())
		}
		seen[e.ID()] = true
	}
	if len(seen) != letters {
		b.t.Errorf("the trail has %d letters, want %d", len(seen), letters)
	}
}

func headers(r *kgo.Record) map[string]string {
	all := map[string]string{}
	for _, h := range r.Headers {
		all[h.Key] += string(h.Value)
	}
	return all
}

func newClient(t *testing.T, brokers kafka.Config) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(brokers.Options("test", slog.New(slog.DiscardHandler)), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}
