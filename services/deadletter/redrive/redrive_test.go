package redrive_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

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
	testenv.Eventually(b.t, 30*time.Second, "no transaction is under way on "+topic, func() bool {
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

func TestALetterGoesBackAsItWas(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		b.bury(spring(2))
		report := b.redrive(func(p *redrive.Plan) { p.Filter.Topics = []string{origin} })

		if diff := cmp.Diff(&redrive.Report{Redriven: 1, Targets: map[string]int64{origin: 1}, Left: map[redrive.Reason]*redrive.Left{}}, report); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
		got := b.records(origin)
		if len(got) != 1 {
			t.Fatalf("%d records, want 1", len(got))
		}
		if r := got[0]; string(r.Key) != "key-2" || string(r.Value) != `{"n":2}` || r.Partition != 2 {
			t.Errorf("got %q, %q in partition %d", r.Key, r.Value, r.Partition)
		}
		want := map[string]string{
			"traceparent":                       "00-trace",
			"kafka_dlt-original-topic":          origin,
			"kafka_dlt-original-partition":      "\x00\x00\x00\x02",
			"kafka_dlt-original-offset":         "\x00\x00\x00\x00\x00\x00\x03\xea",
			"kafka_dlt-original-consumer-group": "inventory-service",
			"openorder-redrives":                "1",
		}
		if diff := cmp.Diff(want, headers(got[0])); diff != "" {
			t.Errorf("headers (-want +got):\n%s", diff)
		}
		entry := b.trail()[0]
		if time.Since(entry.At) > time.Minute {
			t.Errorf("the trail says it was at %s", entry.At)
		}
		entry.At, entry.TopicID = time.Time{}, ""
		wantEntry := deadletter.Entry{
			DeadLetterTopic: dlt, Partition: 2, Offset: 0, To: deadletter.Place{Topic: origin, Partition: 2, Offset: got[0].Offset},
			Redrives: 1, By: "tester", Run: "run-1", Filter: "--origin=orders",
		}
		if diff := cmp.Diff(wantEntry, entry); diff != "" {
			t.Errorf("trail (-want +got):\n%s", diff)
		}
	})
}

func TestWhatWasRedrivenStaysRedriven(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		b.bury(springs(30)...)
		b.redrive(func(p *redrive.Plan) { p.Max = 7 })
		b.redrive(func(p *redrive.Plan) { p.Max = 7 })
		report := b.redrive()
		if report.Redriven != 16 || report.Left[redrive.AlreadyRedriven].Letters != 14 {
			t.Errorf("the last run did %d and passed %d, want 16 and 14", report.Redriven, report.Left[redrive.AlreadyRedriven].Letters)
		}
		b.wantEachOnce(30)
	})
}

func TestAgainRedrivesOnceMoreAndGoesOnUnderItsName(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		b.bury(springs(6)...)
		b.redrive()
		second := func(p *redrive.Plan) { p.Again, p.Run = true, "run-2" }
		b.redrive(second, func(p *redrive.Plan) { p.Max = 4 })
		if report := b.redrive(second); report.Redriven != 2 {
			t.Errorf("the second run, gone on with, did %d, want 2", report.Redriven)
		}
		if got := len(b.records(origin)); got != 12 {
			t.Errorf("%d records, want each twice", got)
		}
	})
}

func TestLettersThatComeLaterWait(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		b.bury(springs(5)...)
		run := b.open(b.plan())
		b.bury(spring(5))
		if report, err := run.Run(t.Context(), quiet); err != nil || report.Redriven != 5 {
			t.Fatalf("redrove %d (%v), want the 5 of the beginning", report.Redriven, err)
		}
		if report := b.redrive(); report.Redriven != 1 {
			t.Errorf("the next run did %d, want the one that came later", report.Redriven)
		}
		b.wantEachOnce(6)
	})
}

func TestADryRunWritesNothing(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		b.bury(springs(5)...)
		report, err := b.open(b.plan(func(p *redrive.Plan) { p.Max = 3 })).Preview(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if report.Redriven != 3 || !report.More || report.Targets[origin] != 3 {
			t.Errorf("got %+v", report)
		}
		if got := len(b.records(origin)); got != 0 {
			t.Errorf("%d records were written", got)
		}
		topics, err := testenv.Admin(t, brokers).ListTopics(t.Context())
		if err != nil || topics.Has(dlt+".redrives") {
			t.Errorf("the trail was made (%v)", err)
		}
	})
}

func TestALaterRedriveTakesOver(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		b.bury(springs(40)...)
		first := b.open(b.plan(func(p *redrive.Plan) { p.Rate = 20 })) // two letters a transaction
		taken := false
		report, err := first.Run(t.Context(), func(*redrive.Report) {
			if !taken {
				taken = true
				b.redrive(func(p *redrive.Plan) { p.Run, p.Max = "run-2", 10 })
			}
		})
		if !errors.Is(err, redrive.ErrTakenOver) {
			t.Fatalf("the first run ended with %v", err)
		}
		if report.Redriven != 2 {
			t.Errorf("the first run did %d, want 2", report.Redriven)
		}
		b.redrive()
		b.wantEachOnce(40)
	})
}

func TestLettersOfARecreatedTopicAreOtherLetters(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		b.bury(springs(4)...)
		b.redrive()
		admin := testenv.Admin(t, brokers)
		if _, err := admin.DeleteTopics(t.Context(), dlt); err != nil {
			t.Fatal(err)
		}
		testenv.Eventually(t, 20*time.Second, "the topic is gone", func() bool {
			topics, err := admin.ListTopics(t.Context())
			return err == nil && !topics.Has(dlt)
		})
		testenv.CreateTopics(t, brokers, 3, dlt)
		b = &bench{t, brokers, newClient(t, brokers)} // a client keeps the id it saw first
		b.bury(springs(4)...)
		if report := b.redrive(); report.Redriven != 4 {
			t.Errorf("redrove %d of the new topic's letters, want 4", report.Redriven)
		}
	})
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

func TestTheRateIsKept(t *testing.T) {
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers)
	b.bury(springs(30)...)
	began := time.Now()
	b.redrive(func(p *redrive.Plan) { p.Rate = 50 })
	if took := time.Since(began); took < 500*time.Millisecond {
		t.Errorf("30 letters at 50 a second took %s", took)
	}
	b.wantEachOnce(30)
}

func TestLettersThatNeedAPersonAreLeftOut(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		missing := spring(1)
		missing.Headers[4].Value = []byte("gone")
		loop := spring(2)
		loop.Headers[4].Value = []byte(dlt)
		b.bury(
			with(spring(0), deadletter.HeaderTruncated, "value"), missing, loop,
			&kgo.Record{Topic: dlt, Partition: 0, Key: []byte("no headers")},
			spring(4),
		)
		report := b.redrive()
		got := map[redrive.Reason]int64{}
		for reason, left := range report.Left {
			got[reason] = left.Letters
		}
		want := map[redrive.Reason]int64{redrive.Cut: 1, redrive.NoTarget: 1, redrive.Loop: 1, redrive.OriginUnknown: 1}
		if diff := cmp.Diff(want, got); diff != "" || report.Redriven != 1 || !report.Incomplete() {
			t.Errorf("redrove %d, left (-want +got):\n%s", report.Redriven, diff)
		}

		report = b.redrive(func(p *redrive.Plan) { p.To, p.Truncated = origin, true })
		if report.Redriven != 4 {
			t.Errorf("with --to and --truncated: redrove %d, want the other 4", report.Redriven)
		}
	})
}

func TestATargetMustExistAndNotLoop(t *testing.T) {
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers)
	for _, to := range []string{"gone", dlt, dlt + ".redrives"} {
		_, err := redrive.Open(t.Context(), b.plan(func(p *redrive.Plan) { p.To = to }), slog.New(slog.DiscardHandler))
		if err == nil {
			t.Errorf("a redrive to %s was opened", to)
		}
	}
}

func TestARecordTooLargeForItsTargetIsLeftOutAlone(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		for name, mode := range map[string]bool{"transactions": false, "at least once": true} {
			t.Run(name, func(t *testing.T) {
				target := "small-" + fmt.Sprint(mode)
				b := setupSmall(t, brokers, target)
				report := b.redrive(func(p *redrive.Plan) { p.To, p.Run, p.AtLeastOnce, p.Again = target, name, mode, true })
				if left := report.Left[redrive.Refused]; report.Redriven != 9 || left == nil || left.Letters != 1 {
					t.Fatalf("got %+v", report)
				}
				if got := len(b.keys(target)); got != 9 {
					t.Errorf("%d records, want 9", got)
				}
			})
		}
	})
}

// setupSmall buries ten letters, the fifth of which is too large for the target.
func setupSmall(t *testing.T, brokers kafka.Config, target string) *bench {
	t.Helper()
	admin := testenv.Admin(t, brokers)
	limit := "20000"
	if _, err := admin.CreateTopic(t.Context(), 1, -1, map[string]*string{"max.message.bytes": &limit}, target); err != nil {
		t.Fatal(err)
	}
	if topics, err := admin.ListTopics(t.Context(), dlt); err == nil && topics[dlt].Err == nil {
		return &bench{t, brokers, newClient(t, brokers)}
	}
	b := setup(t, brokers)
	letters := springs(10)
	letters[4].Value = noise(100_000)
	b.bury(letters...)
	return b
}

// noise does not compress.
func noise(size int) []byte {
	out := make([]byte, size)
	state := uint64(88172645463325252)
	for i := range out {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		out[i] = byte(state)
	}
	return out
}

func TestWhatOnlyFitsCompressedFitsAgain(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		letter := spring(0)
		letter.Value = slices.Repeat([]byte(" "), 5<<20)
		b.bury(letter)
		if report := b.redrive(); report.Redriven != 1 {
			t.Errorf("got %+v", report)
		}
		if got := b.records(origin); len(got) != 1 || len(got[0].Value) != 5<<20 {
			t.Errorf("it did not arrive whole")
		}
	})
}

func TestKeysAndValuesMayBeMissing(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		tombstone, keyless, empty := spring(0), spring(1), spring(2)
		tombstone.Value, keyless.Key, empty.Key, empty.Value = nil, nil, []byte{}, []byte{}
		b.bury(tombstone, keyless, empty)
		b.redrive()
		for _, r := range b.records(origin) {
			var want *kgo.Record
			switch r.Partition {
			case 0:
				want = tombstone
			case 1:
				want = keyless
			case 2:
				want = empty
			}
			if (r.Key == nil) != (want.Key == nil) || (r.Value == nil) != (want.Value == nil) {
				t.Errorf("partition %d: key %#v, value %#v", r.Partition, r.Key, r.Value)
			}
		}
	})
}

func TestThePartitionIsTheOldOneOrTheKeys(t *testing.T) {
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers)
	letter := func() *kgo.Record {
		r := spring(0)
		r.Partition = 0
		return r
	}
	byKey := int32(kgo.StickyKeyPartitioner(nil).ForTopic(origin).Partition(letter(), 3))
	old := (byKey + 1) % 3
	gone := letter()
	gone.Headers[5].Value = binary.BigEndian.AppendUint32(nil, 99)
	known := letter()
	known.Headers[5].Value = binary.BigEndian.AppendUint32(nil, uint32(old))
	b.bury(known, gone)
	b.redrive()
	b.redrive(func(p *redrive.Plan) { p.Again, p.ByKey, p.Run, p.Max = true, true, "by-key", 1 })
	got := map[int32]int{}
	for _, r := range b.records(origin) {
		got[r.Partition]++
	}
	if diff := cmp.Diff(map[int32]int{old: 1, byKey: 2}, got); diff != "" {
		t.Errorf("records by partition (-want +got):\n%s", diff)
	}
}

func TestTheTrailIsKeptForEver(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		b.bury(spring(0))
		b.redrive()
		configs, err := testenv.Admin(t, brokers).DescribeTopicConfigs(t.Context(), dlt+".redrives")
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, c := range configs[0].Configs {
			got[c.Key] = c.MaybeValue()
		}
		if got["retention.ms"] != "-1" || got["cleanup.policy"] != "delete" {
			t.Errorf("retention.ms=%s cleanup.policy=%s", got["retention.ms"], got["cleanup.policy"])
		}
	})
}
