package consume_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/openorder/openorder/services/deadletter"
	"github.com/openorder/openorder/services/deadletter/consume"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

const topic = "orders.DLT"

func client(t *testing.T, brokers kafka.Config, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	opts = append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	c, err := kgo.NewClient(append(brokers.Options("test", slog.New(slog.DiscardHandler)), opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// fill writes n records to each of the first partitions; the record at an offset of a topic just made says where it is.
func fill(t *testing.T, c *kgo.Client, partitions, n int) {
	t.Helper()
	for p := range partitions {
		for i := range n {
			r := &kgo.Record{Topic: topic, Partition: int32(p), Value: fmt.Appendf(nil, "%d:%d", p, i), Timestamp: time.UnixMilli(int64(1000 * (i + 1)))}
			if err := c.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func take(t *testing.T, c *kgo.Client) *consume.Snapshot {
	t.Helper()
	s, err := consume.Take(t.Context(), c, topic)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func letters(t *testing.T, s *consume.Snapshot, filter deadletter.Filter) []string {
	t.Helper()
	got := []string{}
	err := s.Letters(t.Context(), filter, func(l deadletter.Letter) error {
		got = append(got, string(l.Value))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestASnapshotIsTheTopicAsItStood(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		testenv.CreateTopics(t, brokers, 3, topic)
		c := client(t, brokers)
		fill(t, c, 2, 3)
		s := take(t, c)
		fill(t, c, 2, 1)
		want := []string{"0:0", "0:1", "0:2", "1:0", "1:1", "1:2"}
		if diff := cmp.Diff(want, letters(t, s, deadletter.Filter{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestOnlyWhatCanBeChosenIsRead(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		testenv.CreateTopics(t, brokers, 2, topic)
		c := client(t, brokers)
		fill(t, c, 2, 5)
		span := func(texts ...string) (f deadletter.Filter) {
			for _, text := range texts {
				s, err := deadletter.ParseSpan(text)
				if err != nil {
					t.Fatal(err)
				}
				f.Spans = append(f.Spans, s)
			}
			return f
		}
		tests := map[string]struct {
			filter deadletter.Filter
			want   []string
		}{
			"one letter":         {span("1:2"), []string{"1:2"}},
			"spans that overlap": {span("0:3-", "0:1-3", "1:4"), []string{"0:1", "0:2", "0:3", "0:4", "1:4"}},
			"outside the topic":  {span("0:7-9", "5"), []string{}},
			"since":              {deadletter.Filter{Since: time.UnixMilli(4000)}, []string{"0:3", "0:4", "1:3", "1:4"}},
			"since the future":   {deadletter.Filter{Since: time.Now().Add(time.Hour)}, []string{}},
		}
		for name, test := range tests {
			if diff := cmp.Diff(test.want, letters(t, take(t, c), test.filter)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

func TestTransactionsAreReadOnceCommitted(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		testenv.CreateTopics(t, brokers, 1, topic)
		c := client(t, brokers)
		writer := client(t, brokers, kgo.TransactionalID("writer"))
		write := func(value string) {
			if err := writer.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte(value)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		end := func(how kgo.TransactionEndTry) {
			if err := writer.EndTransaction(t.Context(), how); err != nil {
				t.Fatal(err)
			}
		}
		for _, step := range []struct {
			value string
			how   kgo.TransactionEndTry
		}{{"committed", kgo.TryCommit}, {"aborted", kgo.TryAbort}} {
			if err := writer.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			write(step.value)
			end(step.how)
		}
		// The last offsets hold an aborted record and a marker: nothing comes of them, and the end is found all the same.
		admin := kadm.NewClient(c)
		testenv.Eventually(t, "the transactions are over", func() bool {
			committed, err := admin.ListCommittedOffsets(t.Context(), topic)
			end, _ := committed.Lookup(topic, 0)
			return err == nil && end.Offset == 4
		})
		if diff := cmp.Diff([]string{"committed"}, letters(t, take(t, c), deadletter.Filter{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if err := writer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		write("open")
		if diff := cmp.Diff([]string{"committed"}, letters(t, take(t, c), deadletter.Filter{})); diff != "" {
			t.Errorf("with an open transaction (-want +got):\n%s", diff)
		}
		end(kgo.TryAbort)
	})
}

func TestWhatRetentionRemovesMeanwhileIsPassed(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		testenv.CreateTopics(t, brokers, 1, topic)
		c := client(t, brokers)
		fill(t, c, 1, 5)
		s := take(t, c)
		offsets := kadm.Offsets{}
		offsets.AddOffset(topic, 0, 3, -1)
		if _, err := kadm.NewClient(c).DeleteRecords(t.Context(), offsets); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"0:3", "0:4"}, letters(t, s, deadletter.Filter{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestATopicRecreatedMeanwhileIsNotTakenForTheOldOne(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		testenv.CreateTopics(t, brokers, 1, topic)
		c := client(t, brokers)
		fill(t, c, 1, 3)
		s := take(t, c)
		admin := testenv.Admin(t, brokers)
		if _, err := admin.DeleteTopics(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		testenv.Eventually(t, "the topic is gone", func() bool {
			topics, err := admin.ListTopics(t.Context())
			return err == nil && !topics.Has(topic)
		})
		testenv.CreateTopics(t, brokers, 1, topic)
		fill(t, client(t, brokers), 1, 3)
		err := s.Letters(t.Context(), deadletter.Filter{}, func(l deadletter.Letter) error {
			return fmt.Errorf("read %s of the new topic", l.Value)
		})
		if err == nil || errors.Is(err, consume.ErrNoTopic) {
			t.Errorf("got %v", err)
		} else if again := take(t, c); again.TopicID == s.TopicID {
			t.Error("both topics have the same identity")
		}
	})
}

func TestAMissingTopicIsSaid(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		if _, err := consume.Take(t.Context(), client(t, brokers), "no.such.topic"); !errors.Is(err, consume.ErrNoTopic) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAClusterWithoutTopicIDsIsReadByName(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t, kfake.MaxVersions(kversion.V2_7_0()))
	testenv.CreateTopics(t, brokers, 1, topic)
	c := client(t, brokers)
	fill(t, c, 1, 2)
	s := take(t, c)
	if s.TopicID != topic {
		t.Errorf("identity %q, want the name", s.TopicID)
	}
	if diff := cmp.Diff([]string{"0:0", "0:1"}, letters(t, s, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestALeaderThatMovesIsFollowed(t *testing.T) {
	t.Parallel()
	cluster, brokers := testenv.FakeKafka(t, kfake.NumBrokers(3))
	testenv.CreateTopics(t, brokers, 1, topic)
	c := client(t, brokers)
	fill(t, c, 1, 3)
	s := take(t, c)
	leader := cluster.LeaderFor(topic, 0)
	if err := cluster.MoveTopicPartition(topic, 0, (leader+1)%3); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"0:0", "0:1", "0:2"}, letters(t, s, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestALaterSnapshotGoesOnFromAnEarlierOne(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	testenv.CreateTopics(t, brokers, 1, topic)
	c := client(t, brokers)
	fill(t, c, 1, 2)
	first := take(t, c)
	fill(t, c, 1, 3)
	second := take(t, c)
	second.From(first)
	if got := letters(t, second, deadletter.Filter{}); !slices.Equal(got, []string{"0:0", "0:1", "0:2"}) {
		t.Errorf("got %v, want only what came between", got)
	}
}
