package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/openorder/openorder/services/internal/testenv"
)

// loss places orders, and loses what their events are in before anybody has read it.
type loss func(s *system, admin *kadm.Client) (placed []int64)

var losses = map[string]loss{
	"order.created is deleted":      ordersLostBy(recreate),
	"order.created is truncated":    ordersLostBy(truncate),
	"inventory.reserved is deleted": outcomesLost,
}

func TestALostOrTruncatedTopicCostsTimeAndNoOrder(t *testing.T) {
	t.Parallel()
	for name, lose := range losses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, brokers := testenv.FakeKafka(t)
			onFiles(t, brokers).survives(lose, testenv.Admin(t, brokers))
		})
	}
	t.Run("order.created is deleted from a real cluster", func(t *testing.T) {
		t.Parallel()
		brokers := testenv.RealKafka(t)
		separate(t, brokers, testenv.PostgreSQL(t)).survives(ordersLostBy(recreate), testenv.Admin(t, brokers))
	})
}

func (s *system) survives(lose loss, admin *kadm.Client) {
	s.Helper()
	for _, id := range lose(s, admin) {
		testenv.Eventually(s, 3*time.Minute, "the order is published again and decided", func() bool { return s.status(id).Status == "RESERVED" })
	}
	s.audit()
}

func ordersLostBy(loseTopic func(s *system, admin *kadm.Client, topic string)) loss {
	return func(s *system, admin *kadm.Client) []int64 {
		s.Helper()
		s.kill("inventory")
		placed := s.placeAndPublish(admin)
		loseTopic(s, admin, "order.created")
		s.startAgain("inventory")
		return placed
	}
}

func outcomesLost(s *system, admin *kadm.Client) []int64 {
	s.Helper()
	s.kill("inventory")
	placed := s.placeAndPublish(admin)
	s.kill("order")
	s.kill("notification")
	s.startAgain("inventory")
	s.hasRecords(admin, "inventory.reserved", len(placed))
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
	testenv.Eventually(s, 30*time.Second, "the topic is gone", func() bool {
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
	placed := make([]int64, 20)
	for i := range placed {
		placed[i] = s.place("ABC-001", 1)
	}
	s.hasRecords(admin, "order.created", len(placed))
	return placed
}

func (s *system) hasRecords(admin *kadm.Client, topic string, count int) {
	s.Helper()
	testenv.Eventually(s, time.Minute, fmt.Sprintf("%s has %d records", topic, count), func() bool {
		ends, err := admin.ListEndOffsets(s.Context(), topic)
		if err != nil || ends.Error() != nil {
			return false
		}
		var records int64
		ends.Each(func(end kadm.ListedOffset) { records += end.Offset })
		return records >= int64(count)
	})
}

// kill kills every replica of a service.
func (s *system) kill(service string) {
	for name, p := range s.processes {
		if strings.HasPrefix(name, service) {
			p.kill()
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
