package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

const (
	source  = "source"
	letters = "source.DLT"
	sink    = "sink"
	group   = "workers"
)

// errDiskFull is what these consumers take for an outage for certain.
var errDiskFull = errors.New("disk full")

// work is a handler whose behaviour a test chooses a record, or a batch, at a time.
type work struct {
	mu      sync.Mutex
	handled []string // values of the records that are done, in order
	tries   map[string]int
	decide  func(value string, try int) error
	batch   func(values []string) error
	probe   func() error
}

func (w *work) Handle(_ context.Context, batch []*kafka.Record) ([]kafka.Result, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	values := make([]string, len(batch))
	for i, r := range batch {
		values[i] = string(r.Value)
	}
	if w.batch != nil {
		if err := w.batch(values); err != nil {
			return nil, err
		}
	}
	results := make([]kafka.Result, len(batch))
	for i, value := range values {
		w.tries[value]++
		if w.decide != nil {
			if results[i].Err = w.decide(value, w.tries[value]); results[i].Err != nil {
				continue
			}
		}
		w.handled = append(w.handled, value)
		results[i].Emit = []*kafka.Record{{Topic: sink, Key: batch[i].Key, Value: batch[i].Value}}
	}
	return results, nil
}

func (w *work) Probe(context.Context) error {
	if w.probe == nil {
		return errors.New("the probe fails too")
	}
	return w.probe()
}

func (w *work) done() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.handled)
}

// known is how many records were ever tried.
func (w *work) known() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.tries)
}

func (w *work) triesOf(value string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tries[value]
}

// bench is one test's topics, handler and running consumer.
type bench struct {
	*testing.T
	brokers kafka.Config // as the consumer reaches them
	observe kafka.Config // as the test does
	client  *kgo.Client
	admin   *kadm.Client
	work    *work

	metrics *prometheus.Registry // of the consumer started last

	mu       sync.Mutex
	reported error // what the consumer says it waits for
	said     bytes.Buffer
	over     bool // the test has ended
}

// Write takes the consumers' log. A client that was left behind may have something to say when the test has ended.
func (b *bench) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return len(line), nil
	}
	b.said.Write(line)
	return b.Output().Write(line)
}

func (b *bench) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}

// times is how often the log has something.
func (b *bench) times(what string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.said.String(), what)
}

// logged is how many bytes the log has.
func (b *bench) logged() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.said.Len()
}

func (b *bench) report() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reported == nil {
		return ""
	}
	return b.reported.Error()
}

func setup(t *testing.T, brokers kafka.Config, w *work, partitions int32) *bench {
	t.Helper()
	testenv.CreateTopics(t, brokers, partitions, source, letters, sink)
	client, err := kgo.NewClient(append(brokers.Options("test", slog.New(slog.DiscardHandler)),
		kgo.ProducerBatchMaxBytes(90<<20), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w.tries = map[string]int{}
	return &bench{T: t, brokers: brokers, observe: brokers, client: client, admin: kadm.NewClient(client), work: w}
}

// consume runs a consumer until the test ends, or until the function it returns is called.
func (b *bench) consume() (stop func()) {
	b.Helper()
	b.Cleanup(b.end)
	b.metrics = prometheus.NewRegistry()
	consumer, err := kafka.NewConsumer(kafka.ConsumerConfig{
		Kafka: b.brokers, Group: group, Topics: []string{source}, ClientID: "worker", MaxBatch: 100, KeyName: "order_id", DeadLetter: letters,
		Handler: b.work, Outage: func(err error) bool { return errors.Is(err, errDiskFull) },
		Log: slog.New(slog.NewTextHandler(b, nil)), Metrics: b.metrics,
		Report: func(err error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.reported = err
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = consumer.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	b.Cleanup(stop)
	return stop
}

func (b *bench) produce(records ...*kgo.Record) {
	b.Helper()
	if err := b.client.ProduceSync(b.Context(), records...).FirstErr(); err != nil {
		b.Fatal(fmt.Errorf("produce: %w", err))
	}
}

func rec(partition int32, key, value string) *kgo.Record {
	r := &kgo.Record{Topic: source, Partition: partition, Value: []byte(value)}
	if key != "" {
		r.Key = []byte(key)
	}
	return r
}

// read returns all records of a topic that are there now.
func (b *bench) read(topic string) []*kgo.Record {
	b.Helper()
	var ends kadm.ListedOffsets
	b.eventually("the end of "+topic+" is told", func() (told bool) {
		var err error
		ends, err = b.admin.ListEndOffsets(b.Context(), topic)
		return err == nil && ends.Error() == nil
	})
	var want int64
	ends.Each(func(o kadm.ListedOffset) { want += o.Offset })
	if want == 0 {
		return nil
	}
	client, err := kgo.NewClient(append(b.observe.Options("reader", slog.New(slog.DiscardHandler)), kgo.ConsumeTopics(topic))...)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	var records []*kgo.Record
	for int64(len(records)) < want {
		records = append(records, client.PollFetches(b.Context()).Records()...)
	}
	return records
}

// emittedOf are the values emitted under a key, in order. Between keys there is none.
func (b *bench) emittedOf(key string) []string {
	b.Helper()
	var values []string
	for _, r := range b.read(sink) {
		if string(r.Key) == key {
			values = append(values, string(r.Value))
		}
	}
	return values
}

func (b *bench) committed() int64 {
	offsets, err := b.admin.FetchOffsets(b.Context(), group)
	if err != nil {
		return -1
	}
	var sum int64
	offsets.Each(func(o kadm.OffsetResponse) { sum += max(o.At, 0) })
	return sum
}

func (b *bench) eventually(what string, condition func() bool) {
	b.Helper()
	testenv.Eventually(b, what, condition)
}

func values(records []*kgo.Record) []string {
	var out []string
	for _, r := range records {
		out = append(out, string(r.Value))
	}
	slices.Sort(out)
	return out
}

func header(r *kgo.Record, key string) string { return string(kafka.HeaderValue(r, key)) }

// random is text that does not compress.
func random(n int) string {
	var out strings.Builder
	state := uint64(88172645463325252)
	for out.Len() < n {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		fmt.Fprintf(&out, "%c", byte(state>>33)&0x7f)
	}
	return out.String()[:n]
}
