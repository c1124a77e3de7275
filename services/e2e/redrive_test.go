package e2e

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/testenv"
)

// An outcome that is not JSON is a letter of the order service and one of the notification service. However often they are
// redriven, each dies for its own group only.
func TestLettersThatStayUnreadableDoNotMultiplyWhenTheyAreRedriven(t *testing.T) {
	t.Parallel()
	cluster, brokers := testenv.FakeKafka(t)
	s := onFiles(t, brokers)
	admin := testenv.Admin(t, brokers)
	id := s.place("ABC-001", 1)
	s.becomes(id, "RESERVED")

	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: event.TopicInventoryReserved, Value: []byte("{")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for run := range 3 {
		testenv.Eventually(t, "both groups are past all outcomes", func() bool {
			return isPast(s, admin, event.GroupOrder) && isPast(s, admin, event.GroupNotification)
		})
		if letters, err := ended(s, admin, event.TopicDeadLetter); err != nil || letters != int64(2*(run+1)) {
			t.Fatalf("%d letters after %d redrives, want 2 more each time: %v", letters, run, err)
		}
		if out, err := tool(s.T, s.home, s.env, "dlt", "redrive", "--yes"); err != nil {
			t.Fatalf("redrive: %v\n%s", err, out)
		}
	}
}

func isPast(s *system, admin *kadm.Client, group string) bool {
	s.Helper()
	ends, err := admin.ListEndOffsets(s.Context(), event.TopicInventoryReserved)
	if err != nil || ends.Error() != nil {
		s.Fatal(err, ends.Error())
	}
	committed, err := admin.FetchOffsets(s.Context(), group)
	if err != nil {
		s.Fatal(err)
	}
	past := true
	ends.Each(func(end kadm.ListedOffset) {
		at, _ := committed.Lookup(end.Topic, end.Partition)
		past = past && at.At >= end.Offset
	})
	return past
}
