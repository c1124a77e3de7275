package kafka_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

func TestPoisonIsDeadLetteredAfterThreeTriesWhileTheRestGoesOn(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		w := &work{}
		w.decide = func(value string, try int) error {
			if value != "poison" {
				return nil
			}
			if try == 3 && !(slices.Contains(w.handled, "1") && slices.Contains(w.handled, "2")) {
				t.Errorf("of records of other keys only %v are done while one waits", w.handled)
			}
			return kafka.Faulty("on_purpose", errors.New("poisoned"))
		}
		b := setup(t, brokers, w, 2)
		poison := rec(1, "a", "poison")
		poison.Headers = []kgo.RecordHeader{{Key: "traceparent", Value: []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")}}
		b.produce(poison, rec(1, "b", "1"), rec(1, "a", "behind poison"), rec(1, "", "2"))
		b.consume()
		b.eventually("the offset is past all four", func() bool { return b.committed() == 4 })
		got := b.read(letters)
		if len(got) != 1 || b.work.triesOf("poison") != 3 {
			t.Fatalf("%d dead letters after %d tries, want 1 after 3", len(got), b.work.triesOf("poison"))
		}
		if b.times("order_id=a trace_id=4bf92f3577b34da6a3ce929d0e0e4736 reason=on_purpose attempts=3") != 1 {
			t.Error("the log does not say whose record it was")
		}
		if r := got[0]; string(r.Value) != "poison" || string(r.Key) != "a" || r.Partition != 1 {
			t.Errorf("dead letter %s=%s on partition %d", r.Key, r.Value, r.Partition)
		}
		if want, sunk := []string{"1", "2", "behind poison"}, values(b.read(sink)); !slices.Equal(sunk, want) {
			t.Errorf("emitted %v, want %v", sunk, want)
		}
	})
}

// Each group has a letter of its own of a record that several gave up.
func TestAGroupTakesWhatIsRedrivenForItAndPassesWhatIsForAnother(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers, &work{}, 1)
	died := func(value string, origins ...string) *kgo.Record {
		r := rec(0, "", value)
		for i := 0; i < len(origins); i += 2 {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: kafka.HeaderOriginalTopic, Value: []byte(origins[i])},
				kgo.RecordHeader{Key: kafka.HeaderOriginalGroup, Value: []byte(origins[i+1])})
		}
		return r
	}
	b.produce(
		died("ours", source, group), died("another's", source, "another"), died("another's and then ours", source, "another", source, group),
		died("ours and then another's", source, group, source, "another"), died("from elsewhere", "elsewhere", "another"),
		died("of a framework that names no group", source, ""))
	b.consume()
	b.eventually("the offset is past all", func() bool { return b.committed() == 6 })
	if want, done := []string{"ours", "another's and then ours", "from elsewhere", "of a framework that names no group"}, b.work.done(); !slices.Equal(done, want) {
		t.Errorf("handled %q, want %q", done, want)
	}
}

func TestRecordsThatCameInOneBatchWaitBehindTheFirstOfTheirKeyThatFails(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers, &work{decide: func(value string, try int) error {
		if value == "a 1" && try < 3 {
			return kafka.Faulty("on_purpose", errors.New("not yet"))
		}
		return nil
	}}, 1)
	b.produce(rec(0, "a", "a 1"), rec(0, "b", "b 1"), rec(0, "a", "a 2"), rec(0, "a", "a 3"), rec(0, "", "of no key"))
	b.consume()
	b.eventually("the offset is past all five", func() bool { return b.committed() == 5 })
	if want, emitted := []string{"a 1", "a 2", "a 3"}, b.emittedOf("a"); !slices.Equal(emitted, want) {
		t.Errorf("emitted of a key %v, want %v", emitted, want)
	}
	if want, emitted := []string{"a 1", "a 2", "a 3", "b 1", "of no key"}, values(b.read(sink)); !slices.Equal(emitted, want) {
		t.Errorf("emitted in all %v, want %v", emitted, want)
	}
}

func TestAFatalRecordIsDeadLetteredAtOnceWithSpringsHeaders(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers, &work{decide: func(string, int) error { return kafka.Fatal("undecodable", errors.New("not JSON")) }}, 1)
		bad := rec(0, "k", "{")
		bad.Headers = []kgo.RecordHeader{{Key: "own", Value: []byte("kept")}, {Key: kafka.HeaderExceptionMessage, Value: []byte("former")}}
		bad.Timestamp = time.UnixMilli(1_700_000_000_123)
		b.produce(rec(0, "", "{0"), bad)
		b.consume()
		b.eventually("both are dead-lettered and passed", func() bool { return b.committed() == 2 })
		dead := b.read(letters)
		r := dead[slices.IndexFunc(dead, func(r *kgo.Record) bool { return string(r.Key) == "k" })]
		want := map[string]string{
			"own":                             "kept",
			kafka.HeaderOriginalTopic:         source,
			kafka.HeaderOriginalPartition:     "\x00\x00\x00\x00",
			kafka.HeaderOriginalOffset:        "\x00\x00\x00\x00\x00\x00\x00\x01",
			kafka.HeaderOriginalTimestamp:     "\x00\x00\x01\x8b\xcf\xe5\x68\x7b",
			kafka.HeaderOriginalTimestampType: "CreateTime",
			kafka.HeaderOriginalGroup:         group,
			kafka.HeaderExceptionMessage:      "not JSON",
			kafka.HeaderExceptionClass:        "openorder.undecodable",
			kafka.HeaderExceptionCause:        "errors.errorString",
			kafka.HeaderExceptionStack:        "not JSON",
		}
		got := map[string]string{}
		for _, h := range r.Headers {
			if _, twice := got[h.Key]; twice {
				t.Errorf("header %s stands there twice", h.Key)
			}
			got[h.Key] = string(h.Value)
		}
		if !maps.Equal(got, want) {
			t.Errorf("headers %q\nwant    %q", got, want)
		}
		if b.work.triesOf("{") != 1 {
			t.Errorf("%d tries of a fatal record, want 1", b.work.triesOf("{"))
		}
	})
}

func TestARefusedBatchIsSplitUntilTheCulpritStandsAlone(t *testing.T) {
	t.Parallel()
	refusals := map[string]func() error{
		"refused by the database":             func() error { return kafka.Faulty("refused", errors.New("SQLSTATE 22P05")) },
		"panic":                               func() error { panic("index out of range") },
		"unexplained, but the probe succeeds": func() error { return errors.New("something unheard of") },
	}
	for name, refuse := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, brokers := testenv.FakeKafka(t)
			b := setup(t, brokers, &work{probe: func() error { return nil }, batch: func(values []string) error {
				if slices.Contains(values, "culprit") {
					return refuse()
				}
				return nil
			}}, 1)
			var all []*kgo.Record
			for i := range 9 {
				all = append(all, rec(0, fmt.Sprint(i), fmt.Sprint(i)))
			}
			b.produce(slices.Insert(all, 4, rec(0, "c", "culprit"))...)
			b.consume()
			b.eventually("all are passed", func() bool { return b.committed() == 10 })
			if got := values(b.read(letters)); !slices.Equal(got, []string{"culprit"}) {
				t.Errorf("dead letters %v, want the culprit alone", got)
			}
			if got := values(b.read(sink)); len(got) != 9 {
				t.Errorf("emitted %v, want the nine others", got)
			}
		})
	}
}

func TestRecordsOfASplitBatchWaitBehindTheFirstOfTheirKeyThatFails(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	refusals := 0
	b := setup(t, brokers, &work{batch: func(values []string) error {
		if slices.Contains(values, "a 1") {
			if refusals++; refusals <= 3 {
				return kafka.Faulty("refused", errors.New("SQLSTATE 23505"))
			}
		}
		return nil
	}}, 1)
	b.produce(rec(0, "a", "a 1"), rec(0, "b", "b 1"), rec(0, "a", "a 2"), rec(0, "c", "c 1"))
	b.consume()
	b.eventually("the offset is past all four", func() bool { return b.committed() == 4 })
	b.produce(rec(0, "a", "a 3"))
	b.eventually("and past a fifth", func() bool { return b.committed() == 5 })
	if want, emitted := []string{"a 1", "a 2", "a 3"}, b.emittedOf("a"); !slices.Equal(emitted, want) || len(b.work.done()) != 5 {
		t.Errorf("emitted of a key %v, want %v; %v are done", emitted, want, b.work.done())
	}
}

func TestAnOutageDeadLettersNothing(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		attempts := 0
		b := setup(t, brokers, &work{batch: func([]string) error {
			if attempts++; attempts <= 6 {
				return errors.New("connection refused")
			}
			return nil
		}}, 1)
		b.produce(rec(0, "a", "1"), rec(0, "b", "2"))
		b.consume()
		b.eventually("all is done once the outage is over", func() bool { return b.committed() == 2 })
		if got := b.read(letters); len(got) != 0 {
			t.Errorf("%d dead letters of an outage, want none", len(got))
		}
	})
}

func TestACertainOutageDeadLettersNothingWhateverTheProbeSays(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	attempts := 0
	b := setup(t, brokers, &work{probe: func() error { return nil }, batch: func([]string) error {
		if attempts++; attempts <= 6 {
			return errDiskFull
		}
		return nil
	}}, 1)
	b.produce(rec(0, "a", "1"))
	b.consume()
	b.eventually("it is done once the outage is over", func() bool { return b.committed() == 1 })
	if got := b.read(letters); len(got) != 0 || attempts != 7 {
		t.Errorf("%d dead letters, %d attempts", len(got), attempts)
	}
}

func TestTheOffsetStaysBehindTheOldestUnfinishedRecordOverARestart(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		blocked := true
		b := setup(t, brokers, &work{decide: func(value string, _ int) error {
			if value == "waits" && blocked {
				return errors.New("its receiver is away")
			}
			return nil
		}}, 1)
		b.produce(rec(0, "a", "0"), rec(0, "b", "waits"), rec(0, "c", "2"), rec(0, "d", "3"))
		stop := b.consume()
		b.eventually("the others are emitted, and the offset is behind it", func() bool { return len(b.read(sink)) >= 3 && b.committed() == 1 })
		stop()
		if at := b.committed(); at != 1 {
			t.Fatalf("committed %d while record 1 is unfinished", at)
		}
		b.work.mu.Lock()
		blocked = false
		b.work.mu.Unlock()
		b.consume()
		b.eventually("the record that waited is done", func() bool { return b.committed() == 4 })
	})
}

func TestARecreatedTopicIsReadFromItsBeginning(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers, &work{}, 1)
		b.produce(rec(0, "", "old 0"), rec(0, "", "old 1"), rec(0, "", "old 2"))
		b.consume()
		b.eventually("the old topic's records are done", func() bool { return b.committed() == 3 })
		for _, topic := range []string{source, sink} {
			if _, err := b.admin.DeleteTopic(t.Context(), topic); err != nil {
				t.Fatal(err)
			}
		}
		b.eventually("the topics are gone", func() bool {
			topics, err := b.admin.ListTopics(t.Context(), source, sink)
			return err == nil && !topics.Has(source) && !topics.Has(sink)
		})
		testenv.CreateTopics(t, brokers, 1, source, sink)
		b.client.PurgeTopicsFromClient(source)
		for i := range 4 {
			b.produce(rec(0, "", fmt.Sprint("new ", i)))
		}
		b.eventually("every record of the new topic is done", func() bool {
			done := b.work.done()
			return !slices.ContainsFunc([]string{"new 0", "new 1", "new 2", "new 3"}, func(v string) bool { return !slices.Contains(done, v) })
		})
		b.eventually("and emitted to the recreated sink", func() bool { return len(b.read(sink)) >= 4 })
	})
}

func TestConsumingBeginsWhenMissingTopicsAreMade(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := &bench{T: t, brokers: brokers, work: &work{}}
		b.consume()
		made := setup(t, brokers, b.work, 1)
		made.produce(rec(0, "", "first"))
		made.eventually("it is done", func() bool { return slices.Contains(b.work.done(), "first") })
	})
}

func TestATopicThatIsMissingToWriteToIsSaidOnceAndShownUntilItIsThere(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers, &work{}, 1)
	if _, err := b.admin.DeleteTopic(t.Context(), sink); err != nil {
		t.Fatal(err)
	}
	b.produce(rec(0, "a", "first"))
	b.consume()
	b.eventually("it is tried again and again", func() bool { return b.work.triesOf("first") >= 4 })
	if n := b.times("not acknowledged"); n != 1 {
		t.Errorf("said %d times, want once", n)
	}
	if said := b.report(); !strings.Contains(said, sink) {
		t.Errorf("shown %q, which does not name the topic", said)
	}
	testenv.CreateTopics(t, brokers, 1, sink)
	b.eventually("it is done, and nothing is waited for", func() bool { return b.committed() == 1 && b.report() == "" })
}

func TestTroubleThatIsOverIsNoLongerShownThoughNothingHappens(t *testing.T) {
	t.Parallel()
	cluster, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers, &work{}, 1)
	b.consume()
	b.produce(rec(0, "a", "1"))
	b.eventually("it works", func() bool { return b.committed() == 1 })
	for _, key := range []kmsg.Key{kmsg.Metadata, kmsg.Fetch} {
		refused := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Topic: source, Err: kerr.TopicAuthorizationFailed, Count: -1})
		b.eventually("the trouble is shown", func() bool { return b.report() != "" })
		refused.Remove()
		b.eventually("it is shown no longer", func() bool { return b.report() == "" })
	}
}

// commitForeign produces four records, and commits that three of another topic of the same name are done.
func (b *bench) commitForeign() {
	b.Helper()
	for i := range 4 {
		b.produce(rec(0, "", fmt.Sprint(i)))
	}
	var foreign kadm.Offsets
	foreign.Add(kadm.Offset{Topic: source, Partition: 0, At: 3, LeaderEpoch: -1, Metadata: strings.Repeat("0f", 16)})
	if err := b.admin.CommitAllOffsets(b.Context(), group, foreign); err != nil {
		b.Fatal(err)
	}
}

// As brokers do that keep the commits of a deleted topic for the next one of its name.
func TestACommitForAnotherTopicOfTheSameNameIsNotGoneBy(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers, &work{}, 1)
		b.commitForeign()
		b.consume()
		b.eventually("all of this topic is done", func() bool { return len(b.work.done()) == 4 })
	})
}

// As a broker that has just started and does not know all topics yet.
func TestACommitForAnotherTopicIsNotGoneByEitherWhereABrokerDoesNotKnowTheTopic(t *testing.T) {
	t.Parallel()
	cluster, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers, &work{}, 1)
	b.commitForeign()
	var asked atomic.Bool
	cluster.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Observe: true, Count: -1, When: func(kmsg.Request) bool {
			asked.Store(true)
			return true
		}},
		kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: source, Err: kerr.UnknownTopicOrPartition, When: func(kmsg.Request) bool { return asked.Load() }},
	)
	b.consume()
	b.eventually("all of this topic is done", func() bool { return len(b.work.done()) == 4 })
}

func TestWhatATransactionTookBackIsNotHandled(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers, &work{}, 1)
		writer, err := kgo.NewClient(append(brokers.Options("writer", slog.New(slog.DiscardHandler)), kgo.TransactionalID("writer"))...)
		if err != nil {
			t.Fatal(err)
		}
		defer writer.Close()
		for value, end := range map[string]kgo.TransactionEndTry{"taken back": kgo.TryAbort, "given": kgo.TryCommit} {
			if err := writer.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			if err := writer.ProduceSync(t.Context(), rec(0, "a", value)).FirstErr(); err != nil {
				t.Fatal(err)
			}
			if err := writer.EndTransaction(t.Context(), end); err != nil {
				t.Fatal(err)
			}
		}
		b.produce(rec(0, "b", "plain"))
		b.consume()
		b.eventually("the offset is past records and markers", func() bool { return b.committed() == 5 })
		if done := b.work.done(); !slices.Equal(done, []string{"given", "plain"}) {
			t.Errorf("handled %v", done)
		}
	})
}

// More than this many records must not wait in memory; the rest stays with the brokers until there is room.
func TestAPartitionIsPausedWhileTooManyOfItsRecordsWaitAndThenGoesOn(t *testing.T) {
	t.Parallel()
	const most, count = 20_000, 24_000
	_, brokers := testenv.FakeKafka(t)
	var away atomic.Bool
	away.Store(true)
	b := setup(t, brokers, &work{decide: func(string, int) error {
		if away.Load() {
			return errors.New("its receiver is away")
		}
		return nil
	}}, 1)
	for i := range count {
		b.client.Produce(t.Context(), rec(0, fmt.Sprint(i), fmt.Sprint(i)), nil)
	}
	if err := b.client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.consume()
	b.eventually("as many wait as may", func() bool { return b.work.known() > most })
	tries := b.work.triesOf("0")
	b.eventually("the first is tried again and again meanwhile", func() bool { return b.work.triesOf("0") > tries+2 })
	if known := b.work.known(); known == count {
		t.Errorf("all %d records are kept in memory", known)
	}
	away.Store(false)
	b.eventually("all are done", func() bool { return b.committed() == count })
}

func TestWhatIsCountedIsThereFromTheBeginning(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers, &work{}, 1)
	b.consume()
	for name, series := range map[string]int{"openorder_consumer_records_total": 2, "openorder_consumer_retries_total": 2} {
		if n, err := testutil.GatherAndCount(b.metrics, name); err != nil || n != series {
			t.Errorf("%s has %d series at the start (%v), want %d", name, n, err, series)
		}
	}
}

func TestADeadLetterAlwaysFits(t *testing.T) {
	t.Parallel()
	records := map[string]struct {
		value   string
		header  string // "x" where it is empty
		headers int
		key     int
		cut     bool
	}{
		"at the broker's limit":                      {value: random(1_048_400), cut: true},
		"5 MiB of spaces compressed to a few KiB":    {value: strings.Repeat(" ", 5<<20)},
		"headers that leave no room for ours":        {headers: 1_048_300, cut: true},
		"a header called like ours":                  {header: "kafka_dlt-x", headers: 1_048_300, cut: true},
		"an origin without end":                      {header: kafka.HeaderOriginalTopic, headers: 1_048_300, cut: true},
		"a mark without end":                         {header: kafka.HeaderTruncated, headers: 1_048_250, cut: true},
		"a key that leaves no room":                  {key: 1_048_300, cut: true},
		"a little below the limit, the stack is cut": {value: random(1_047_000), cut: true},
	}
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers, &work{decide: func(string, int) error {
			return kafka.Fatal("invalid", errors.New(strings.Repeat("long ", 1000)))
		}}, 1)
		var names []string
		for _, name := range slices.Sorted(maps.Keys(records)) {
			r := rec(0, name+"|"+random(records[name].key), records[name].value)
			if n := records[name].headers; n > 0 {
				r.Headers = []kgo.RecordHeader{{Key: cmp.Or(records[name].header, "x"), Value: []byte(random(n))}}
			}
			b.produce(r)
			names = append(names, name)
		}
		b.consume()
		b.eventually("all are dead-lettered", func() bool { return b.committed() == int64(len(names)) })
		for _, r := range b.read(letters) {
			name, _, _ := strings.Cut(string(r.Key), "|")
			if cut := header(r, kafka.HeaderTruncated); (cut != "") != records[name].cut {
				t.Errorf("%s: cut %q", name, cut)
			}
			if header(r, kafka.HeaderOriginalTopic) != source {
				t.Errorf("%s: lost its origin", name)
			}
		}
	})
}

func TestTheLogOfADeadLetterIsShortWhateverTheRecordHolds(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers, &work{decide: func(value string, _ int) error {
		return kafka.Fatal("undecodable", errors.New("cannot be read: "+value)) // as encoding/json says of a long number
	}}, 1)
	long := strings.Repeat("0", 300_000)
	r := rec(0, long, long)
	r.Headers = []kgo.RecordHeader{{Key: "traceparent", Value: []byte("00-" + long + "-0-0")}}
	b.produce(r)
	b.consume()
	b.eventually("it is dead-lettered", func() bool { return b.committed() == 1 })
	if n := b.logged(); n > 10_000 {
		t.Errorf("%d bytes are logged", n)
	}
}

// As brokers answer whose segments (segment.bytes) are smaller than max.message.bytes.
func TestADeadLetterFitsIntoASegment(t *testing.T) {
	t.Parallel()
	cluster, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers, &work{decide: func(string, int) error { return kafka.Fatal("invalid", errors.New("no")) }}, 1)
	b.produce(rec(0, "large", random(900_000)))
	cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		response, refused := tooLargeForASegment(request.(*kmsg.ProduceRequest), 500_000)
		return response, nil, refused
	})
	b.consume()
	b.eventually("it is dead-lettered", func() bool { return b.committed() == 1 })
	if cut := header(b.read(letters)[0], kafka.HeaderTruncated); cut != "stacktrace,value" {
		t.Errorf("cut %q", cut)
	}
}

// tooLargeForASegment refuses the first batch that is larger than limit, and with it the request.
func tooLargeForASegment(request *kmsg.ProduceRequest, limit int) (kmsg.Response, bool) {
	response := request.ResponseKind().(*kmsg.ProduceResponse)
	for _, asked := range request.Topics {
		for _, p := range asked.Partitions {
			if len(p.Records) <= limit {
				continue
			}
			topic := kmsg.NewProduceResponseTopic()
			topic.Topic, topic.TopicID = asked.Topic, asked.TopicID
			partition := kmsg.NewProduceResponseTopicPartition()
			partition.Partition, partition.ErrorCode = p.Partition, kerr.RecordListTooLarge.Code
			topic.Partitions = append(topic.Partitions, partition)
			response.Topics = append(response.Topics, topic)
			return response, true
		}
	}
	return nil, false
}

func TestNoRecordIsLostWhenConsumersComeAndGo(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers, &work{}, 6)
		const count = 3000
		go func() {
			for i := range count {
				r := rec(int32(i%6), fmt.Sprint(i), fmt.Sprint(i))
				b.client.Produce(context.WithoutCancel(b.Context()), r, nil)
			}
		}()
		stop := b.consume()
		for range 3 {
			seen := len(b.work.done())
			other := b.consume()
			b.eventually("work goes on", func() bool { n := len(b.work.done()); return n > seen || n >= count })
			stop()
			stop = other
		}
		b.eventually("all are committed", func() bool { return b.committed() == count })
		seen := map[string]bool{}
		for _, v := range b.work.done() {
			seen[v] = true
		}
		if len(seen) != count {
			t.Errorf("%d of %d records were handled", len(seen), count)
		}
	})
}
