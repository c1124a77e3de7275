package broker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/broker"
	"github.com/openorder/openorder/services/internal/event"
)

var quiet = slog.New(slog.DiscardHandler)

func config(dir string) broker.Config {
	return broker.Config{Dir: dir, Address: "127.0.0.1:0", Partitions: 3, Log: quiet}
}

func start(t *testing.T, c broker.Config) *broker.Broker {
	t.Helper()
	b, err := broker.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func client(t *testing.T, address string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(address), kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func record(topic, value string) *kgo.Record {
	return &kgo.Record{Topic: topic, Value: []byte(value)}
}

func produce(t *testing.T, cl *kgo.Client, records ...*kgo.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// values reads partition 0 of a topic to its end, as a consumer that reads committed does.
func values(t *testing.T, address, topic string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ends, err := kadm.NewClient(client(t, address)).ListCommittedOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	end, _ := ends.Lookup(topic, 0)
	cl := client(t, address, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	var got []string
	for next := int64(0); next < end.Offset; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			if !r.Attrs.IsControl() {
				got = append(got, string(r.Value))
			}
		})
	}
	return got
}

func commit(t *testing.T, address, group, topic string, offset int64) {
	t.Helper()
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: topic, At: offset, LeaderEpoch: -1})
	if err := kadm.NewClient(client(t, address)).CommitAllOffsets(t.Context(), group, offsets); err != nil {
		t.Fatal(err)
	}
}

func committed(t *testing.T, address, group, topic string) int64 {
	t.Helper()
	offsets, err := kadm.NewClient(client(t, address)).FetchOffsets(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	offset, ok := offsets.Lookup(topic, 0)
	if !ok {
		return -1
	}
	return offset.At
}

func TestTopicsAreThereFromTheStartAndKeepWhatTheyMust(t *testing.T) {
	t.Parallel()
	b := start(t, config(t.TempDir()))
	t.Cleanup(b.Close)
	admin := kadm.NewClient(client(t, b.Address()))
	topics, err := admin.ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{event.TopicInventoryRejected, event.TopicInventoryReserved, event.TopicOrderCreated, event.TopicDeadLetter}
	if diff := cmp.Diff(want, topics.Names()); diff != "" {
		t.Errorf("topics (-want +got):\n%s", diff)
	}
	if n := len(topics[event.TopicOrderCreated].Partitions); n != 3 {
		t.Errorf("want 3 partitions, got %d", n)
	}
	configs, err := admin.DescribeTopicConfigs(t.Context(), event.TopicDeadLetter, event.TopicOrderCreated)
	if err != nil {
		t.Fatal(err)
	}
	for _, expect := range []struct{ topic, key, value string }{
		{event.TopicDeadLetter, "retention.ms", "-1"},
		{event.TopicDeadLetter, "retention.bytes", "-1"},
		{event.TopicDeadLetter, "max.message.bytes", "2097152"},
		{event.TopicOrderCreated, "retention.bytes", "67108864"},
	} {
		resource, _ := configs.On(expect.topic, nil)
		for _, setting := range resource.Configs {
			if setting.Key == expect.key && setting.MaybeValue() != expect.value {
				t.Errorf("%s of %s: want %s, got %s", expect.key, expect.topic, expect.value, setting.MaybeValue())
			}
		}
	}
}

func TestADeadLetterMayBeLargerThanItsOrigin(t *testing.T) {
	t.Parallel()
	b := start(t, config(""))
	t.Cleanup(b.Close)
	cl := client(t, b.Address(), kgo.ProducerBatchMaxBytes(8<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	produce(t, cl, record(event.TopicDeadLetter, strings.Repeat("x", 1_500_000)))
	err := cl.ProduceSync(t.Context(), record(event.TopicOrderCreated, strings.Repeat("x", 1_500_000))).FirstErr()
	if !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("the origin takes as much: %v", err)
	}
}

func TestDataAndOffsetsSurviveClosing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := start(t, config(dir))
	produce(t, client(t, b.Address()), record(event.TopicOrderCreated, "1"), record(event.TopicOrderCreated, "2"))
	commit(t, b.Address(), event.GroupInventory, event.TopicOrderCreated, 1)
	b.Close()

	b = start(t, config(dir))
	t.Cleanup(b.Close)
	if diff := cmp.Diff([]string{"1", "2"}, values(t, b.Address(), event.TopicOrderCreated)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if offset := committed(t, b.Address(), event.GroupInventory, event.TopicOrderCreated); offset != 1 {
		t.Errorf("want offset 1, got %d", offset)
	}
}

func TestInMemoryNothingIsWritten(t *testing.T) {
	t.Chdir(t.TempDir())
	b := start(t, config(""))
	produce(t, client(t, b.Address()), record(event.TopicOrderCreated, "1"))
	b.Close()
	if entries, err := os.ReadDir("."); err != nil || len(entries) > 0 {
		t.Errorf("got %v, %v", entries, err)
	}
}

func TestWhatCannotServeIsOneClearLine(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "meta.json"), []byte("not ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	for reason, c := range map[string]struct {
		config broker.Config
		want   string
	}{
		"the address is in use":         {broker.Config{Address: taken.Addr().String()}, taken.Addr().String() + " is in use by another process"},
		"the address is no one of ours": {broker.Config{Address: "192.0.2.1:9092"}, "192.0.2.1:9092"},
		"the directory is a file":       {config(file), file},
		"the directory cannot be made":  {config("/proc/openorder"), "/proc/openorder"},
		"the data are not a broker's":   {config(foreign), foreign},
	} {
		c.config.Log = quiet
		_, err := broker.Start(c.config)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: want one line with %q, got %v", reason, c.want, err)
		}
	}
}

func TestClientsAreSentToTheAdvertisedAddress(t *testing.T) {
	t.Parallel()
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ address, advertise, want string }{
		{"127.0.0.1:0", "", "127.0.0.1"},
		{"127.0.0.1:0", "kafka.example:19092", "kafka.example"},
		{"0.0.0.0:0", "", name},
	} {
		b := start(t, broker.Config{Address: c.address, Advertise: c.advertise, Partitions: 1, Log: quiet})
		if host, _, _ := net.SplitHostPort(b.Address()); host != c.want {
			t.Errorf("%+v: clients are sent to %s", c, b.Address())
		}
		b.Close()
	}
}

func TestTransactionsAreWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	b := start(t, config(t.TempDir()))
	t.Cleanup(b.Close)
	cl := client(t, b.Address(), kgo.TransactionalID("redrive"))
	transaction(t, cl, kgo.TryCommit, "kept")
	transaction(t, cl, kgo.TryAbort, "dropped")
	if diff := cmp.Diff([]string{"kept"}, values(t, b.Address(), event.TopicOrderCreated)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}

	successor := client(t, b.Address(), kgo.TransactionalID("redrive"))
	transaction(t, successor, kgo.TryCommit, "the successor's")
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), record(event.TopicOrderCreated, "the fenced one's")).FirstErr(); err == nil {
		t.Error("a fenced producer goes on")
	}
}

func transaction(t *testing.T, cl *kgo.Client, end kgo.TransactionEndTry, value string) {
	t.Helper()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(t, cl, record(event.TopicOrderCreated, value))
	if err := cl.EndTransaction(t.Context(), end); err != nil {
		t.Fatal(fmt.Errorf("end the transaction: %w", err))
	}
}
