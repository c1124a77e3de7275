package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/openorder/openorder/services/internal/testenv"
)

// loss places orders, and loses what their events are in before anybody has read it.
type loss struct {
	name string
	lose func(s *system, admin *kadm.Client) (placed []int64)
}

var losses = []loss{
	{"inventory.reserved is deleted", outcomesLost},
	{"order.created is truncated", ordersLostBy(truncate)},
	{"order.created is deleted", ordersLostBy(recreate)},
}

func TestLostAndTruncatedTopicsCostTimeAndNoOrder(t *testing.T) {
	t.Parallel()
	t.Run("kfake", func(t *testing.T) {
		t.Parallel()
		_, brokers := testenv.FakeKafka(t)
		onFiles(t, brokers).survivesLosses(testenv.Admin(t, brokers))
	})
	t.Run("kafka", func(t *testing.T) {
		brokers := testenv.RealKafka(t)
		separate(t, brokers, testenv.PostgreSQL(t)).survivesLosses(testenv.Admin(t, brokers))
	})
}

// survivesLosses has all losses come one after the other: what is lost is missed only after a minute.
func (s *system) survivesLosses(admin *kadm.Client) {
	s.Helper()
	placed := map[string][]int64{}
	for _, l := range losses {
		placed[l.name] = l.lose(s, admin)
	}
	for name, ids := range placed {
		for _, id := range ids {
			testenv.Eventually(s, name+": the order is published again and decided", func() bool { return s.status(id).Status == "RESERVED" })
		}
	}
	s.audit()
}

func ordersLostBy(loseTopic func(s *system, admin *kadm.Client, topic string)) func(*system, *kadm.Client) []int64 {
	return func(s *system, admin *kadm.Client) []int64 {
		s.Helper()
		s.end("inventory")
		placed := s.placeAndPublish(admin)
		loseTopic(s, admin, "order.created")
		s.startAgain("inventory")
		return placed
	}
}

func outcomesLost(s *system, admin *kadm.Client) []int64 {
	s.Helper()
	s.end("inventory")
	placed := s.placeAndPublish(admin)
	s.end("order")
	s.end("notification")
	s.startAgain("inventory")
	s.hasRecords(admin, "inventory.reserved", int64(len(placed)))
	recreate(s, admin, "inventory.reserved")
	s.startAgain("order")
	s.startAgain("notification")
	return placed
}

func recreate(s *system, admin *kadm.Client, topic string) {
	s.Helper()
	if _, err := admin.DeleteTopic(s.Context(), topic); err != nil {
		s.Fatal(err)
	}
	testenv.Eventually(s, "the topic is gone", func() bool {
		topics, err := admin.ListTopics(s.Context(), topic)
		return err == nil && !topics.Has(topic)
	})
	if out, err := tool(s.T, s.home, s.env, "topics", "create", "--partitions=6"); err != nil {
		s.Fatalf("topics create: %v\n%s", err, out)
	}
}

func truncate(s *system, admin *kadm.Client, topic string) {
	s.Helper()
	ends, err := admin.ListEndOffsets(s.Context(), topic)
	if err != nil {
		s.Fatal(err)
	}
	deleted, err := admin.DeleteRecords(s.Context(), ends.Offsets())
	if err != nil || deleted.Error() != nil {
		s.Fatal(err, deleted.Error())
	}
}

func (s *system) placeAndPublish(admin *kadm.Client) []int64 {
	s.Helper()
	before, err := ended(s, admin, "order.created")
	if err != nil {
		s.Fatal(err)
	}
	placed := make([]int64, 20)
	for i := range placed {
		placed[i] = s.place("ABC-001", 1)
	}
	s.hasRecords(admin, "order.created", before+int64(len(placed)))
	return placed
}

func (s *system) hasRecords(admin *kadm.Client, topic string, count int64) {
	s.Helper()
	testenv.Eventually(s, fmt.Sprintf("%s has %d records", topic, count), func() bool {
		records, err := ended(s, admin, topic)
		return err == nil && records >= count
	})
}

// ended is how many records a topic has had.
func ended(s *system, admin *kadm.Client, topic string) (records int64, err error) {
	ends, err := admin.ListEndOffsets(s.Context(), topic)
	if err != nil {
		return 0, err
	}
	ends.Each(func(end kadm.ListedOffset) { records += end.Offset })
	return records, ends.Error()
}

// end ends every replica of a service, in order: what is lost here is not lost by a crash. And kfake arms no session time-out for
// a member that is killed while its join waits, so its partitions would stay with it for ever.
func (s *system) end(service string) {
	s.Helper()
	for name, p := range s.processes {
		if strings.HasPrefix(name, service) {
			p.stop(syscall.SIGTERM)
		}
	}
}

// startAgain starts every replica of a service.
func (s *system) startAgain(service string) {
	for name, start := range s.restart {
		if strings.HasPrefix(name, service) {
			start()
		}
	}
}
