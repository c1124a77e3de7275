package redrive_test

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/deadletter"
	"github.com/openorder/openorder/services/deadletter/redrive"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

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
		if entry.LeaderEpoch == nil {
			t.Error("the trail does not say under which leader the letter was written")
		}
		entry.At, entry.TopicID, entry.LeaderEpoch = time.Time{}, "", nil
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

// As after an unclean election, or a power cut of the only broker: letters that were redriven are lost, and later ones have
// their offsets.
func TestALetterInThePlaceOfALostOneIsNotPassedInSilence(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers)
	b.bury(springs(6)...)
	at := func(offset int64) func(*redrive.Plan) {
		return func(p *redrive.Plan) {
			p.Filter.Spans = []deadletter.Span{{Partition: 0, From: offset, To: offset + 1}}
		}
	}
	b.redrive(at(0))
	lost := b.trail()[0]
	lost.Offset, lost.LeaderEpoch = 1, new(*lost.LeaderEpoch+7)
	b.bury(&kgo.Record{Topic: redrive.TrailTopic(dlt), Value: lost.Encode()})

	report := b.redrive()
	if left := report.Left[redrive.Replacing]; report.Redriven != 4 || left == nil || left.Letters != 1 || !report.Incomplete() {
		t.Errorf("redrove %d, left %+v; want 4, and one in the place of another", report.Redriven, report.Left)
	}
	b.redrive(at(1), func(p *redrive.Plan) { p.Again, p.Run = true, "run-2" })
	if report := b.redrive(); report.Redriven != 0 || report.Incomplete() {
		t.Errorf("when all are redriven: redrove %d, left %+v", report.Redriven, report.Left)
	}
	if want := []string{"key-0", "key-1", "key-2", "key-3", "key-4", "key-5"}; !slices.Equal(b.keys(origin), want) {
		t.Errorf("redriven are %v", b.keys(origin))
	}
}

// What lies behind a transaction is not seen as long as that is open, be it nobody's any more.
func TestATransactionOfOthersInTheTrailHidesNothing(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers)
	b.bury(springs(6)...)
	two := func(p *redrive.Plan) { p.Max = 2 }
	b.redrive(two)
	other, err := kgo.NewClient(append(brokers.Options("other", slog.New(slog.DiscardHandler)),
		kgo.TransactionalID("other"), kgo.TransactionTimeout(3*time.Second))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	if err := other.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := other.ProduceSync(t.Context(), &kgo.Record{Topic: redrive.TrailTopic(dlt), Value: []byte("left open")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	b.redrive(two)
	b.redrive()
	b.wantEachOnce(6)
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
		testenv.Eventually(t, "the topic is gone", func() bool {
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
