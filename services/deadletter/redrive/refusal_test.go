package redrive_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/deadletter"
	"github.com/openorder/openorder/services/deadletter/redrive"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

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

// Kafka hangs up on a name of more than 32,767 bytes, and answers for one that is no UTF-8 under another.
func TestALetterOfATopicThatCannotBeKeepsNoOtherBack(t *testing.T) {
	t.Parallel()
	cluster, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers)
	letters := []*kgo.Record{spring(0)}
	for i, name := range []string{strings.Repeat("n", 40_000), "\xff", "no space", strings.Repeat("n", 250)} {
		letters = append(letters, spring(i+1))
		letters[i+1].Headers[4].Value = []byte(name)
	}
	b.bury(append(letters, spring(5))...)
	cluster.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		for _, topic := range request.(*kmsg.MetadataRequest).Topics {
			switch {
			case topic.Topic == nil:
			case len(*topic.Topic) > math.MaxInt16:
				return nil, errors.New("hang up"), true
			case !utf8.ValidString(*topic.Topic):
				t.Errorf("the brokers are asked for %q", *topic.Topic)
			}
		}
		return nil, nil, false
	})
	report := b.redrive()
	if left := report.Left[redrive.NoTarget]; left == nil || left.Letters != 4 || len(left.Samples[0]) > 500 || report.Redriven != 2 {
		t.Errorf("redrove %d, left %+v; want 2, and 4 without a target", report.Redriven, report.Left)
	}
}

// Brokers take nothing for it from clients.
func TestALetterOfAnInternalTopicKeepsNoOtherBack(t *testing.T) {
	t.Parallel()
	cluster, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers)
	const internal = "__consumer_offsets"
	if _, err := testenv.Admin(t, brokers).CreateTopic(t.Context(), 3, 1, map[string]*string{"kfake.is_internal": new("true")}, internal); err != nil {
		t.Fatal(err)
	}
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: internal, Err: kerr.InvalidTopicException, Count: -1})
	odd := spring(1)
	odd.Headers[4].Value = []byte(internal)
	b.bury(spring(0), odd, spring(2))
	report := b.redrive()
	if left := report.Left[redrive.NoTarget]; report.Redriven != 2 || left == nil || left.Letters != 1 {
		t.Errorf("redrove %d, left %+v; want 2, and one without a target", report.Redriven, report.Left)
	}
}

// As a broker that has just started and does not know all topics yet.
func TestATrailThatABrokerDoesNotKnowIsNotTakenForAnEmptyOne(t *testing.T) {
	t.Parallel()
	cluster, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers)
	b.bury(springs(6)...)
	b.redrive()
	var takenOver atomic.Bool
	cluster.ControlKey(int16(kmsg.InitProducerID), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.SleepControl(func() { <-time.After(500 * time.Millisecond) }) // until what the client knows of topics is too old
		takenOver.Store(true)
		return nil, nil, false
	})
	cluster.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Metadata}, Topic: redrive.TrailTopic(dlt), Err: kerr.UnknownTopicOrPartition,
		When: func(kmsg.Request) bool { return takenOver.Load() },
	})
	_, err := b.open(b.plan()).Run(t.Context(), quiet)
	if err == nil {
		t.Error("it ended without an error")
	}
	b.redrive()
	b.wantEachOnce(6)
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

func TestWithoutTransactionsWhatIsWrittenIsKnownThoughTheRestIsRefused(t *testing.T) {
	t.Parallel()
	cluster, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers)
	b.bury(springs(6)...)
	plan := b.plan(func(p *redrive.Plan) { p.AtLeastOnce = true })
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: origin, Partitions: []int32{1}, Err: kerr.TopicAuthorizationFailed})
	if report, err := b.open(plan).Run(t.Context(), quiet); err == nil || report.Redriven != 4 {
		t.Errorf("redrove %d, %v; want 4, and an error", report.Redriven, err)
	}
	if _, err := b.open(plan).Run(t.Context(), quiet); err != nil {
		t.Fatal(err)
	}
	b.wantEachOnce(6)
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
