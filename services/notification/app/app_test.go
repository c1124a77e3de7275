package app_test

import (
	"testing"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/testenv"
)

func TestCustomersAreToldByLogAndWebhook(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *system) {
		r := s.start()
		s.produce(outcome(1, event.StatusReserved), outcome(2, event.StatusRejected), letter(3))
		testenv.Eventually(t, "three webhooks", func() bool { return s.hook.count() == 3 })
		testenv.Eventually(t, "three lines", func() bool { return s.log.count("customer notified") == 3 })
		testenv.Eventually(t, "all delivered", func() bool { return r.states(3)["FAILED delivered"] == 2 })

		s.produce(outcome(3, event.StatusReserved), letter(3), letter(2), outcome(1, event.StatusReserved))
		testenv.Eventually(t, "the outcome after the failure", func() bool { return r.states(3)["RESERVED delivered"] == 2 })
		s.produce(outcome(4, event.StatusReserved)) // behind all of them in its partition or another: the rest is settled by then
		testenv.Eventually(t, "the last", func() bool { return r.states(4)["RESERVED delivered"] == 2 })
		s.hook.once(t, 5)
		testenv.Eventually(t, "the metrics", func() bool {
			return r.counted("openorder_notifications_total", 3, `outcome="RESERVED"`) &&
				r.counted("openorder_notification_attempts_total", 5, `receiver="log"`, `result="delivered"`)
		})
	})
}

func TestPoisonIsDeadLetteredAndHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *system) {
		r := s.start()
		poison := outcome(1, event.StatusReserved)
		poison.Value = []byte("{")
		undecodable := letter(2)
		undecodable.Value = []byte("{")
		s.produce(poison, undecodable, outcome(1, event.StatusReserved), outcome(2, event.StatusReserved))
		testenv.Eventually(t, "the good ones", func() bool {
			return r.states(1)["RESERVED delivered"] == 2 && r.states(2)["RESERVED delivered"] == 2
		})
		testenv.Eventually(t, "the dead letter, and nothing that comes of it", func() bool {
			return r.counted("openorder_dead_letters_total", 1, `reason="undecodable"`, `topic="inventory.reserved"`) &&
				r.counted("openorder_notification_ignored_dead_letters_total", 1) &&
				r.counted("openorder_consumer_records_total", 1, `result="passed"`, `topic="order.created.DLT"`)
		})
		s.hook.once(t, 2)
	})
}

func TestTwoReplicasTellEachCustomerOnce(t *testing.T) {
	t.Parallel()
	const orders = 500
	everywhere(t, func(t *testing.T, s *system) {
		replicas := []*replica{s.start(), s.start()}
		for id := int64(1); id <= orders; id++ {
			s.produce(outcome(id, event.StatusReserved))
			if id == orders/2 {
				replicas[0].stop() // hands over in the middle
			}
		}
		testenv.Eventually(t, "every webhook", func() bool { return s.hook.count() == orders })
		testenv.Eventually(t, "the last is marked", func() bool { return replicas[1].states(orders)["RESERVED delivered"] == 2 })
		s.hook.once(t, orders)
	})
}

func TestNobodyIsToldTwiceByARestart(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *system) {
		first := s.start("--log-notifications=false")
		s.produce(outcome(1, event.StatusReserved))
		testenv.Eventually(t, "the webhook", func() bool { return first.states(1)["RESERVED delivered"] == 1 })
		first.stop()
		admin := testenv.Admin(t, s.brokers)
		testenv.Eventually(t, "everything is to be read from offset 0", func() bool {
			_, err := admin.DeleteGroup(t.Context(), event.GroupNotification)
			return err == nil
		})
		s.produce(outcome(2, event.StatusReserved))
		second := s.start("--log-notifications=false")
		testenv.Eventually(t, "the next webhook", func() bool { return second.states(2)["RESERVED delivered"] == 1 })
		s.hook.once(t, 2)
		if s.log.count("customer notified") != 0 {
			t.Error("lines although they are switched off")
		}
	})
}
