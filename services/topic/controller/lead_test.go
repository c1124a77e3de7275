package controller_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

// newLeader starts a controller, alone in a place of its own, and waits until it works.
func newLeader(t *testing.T) (*place, kafka.Config, *process) {
	t.Helper()
	_, brokers := testenv.FakeKafka(t)
	p := newPlace(t)
	leader := p.start(brokers)
	p.apply("before", `{}`)
	p.until("before", "True Synced")
	return p, brokers, leader
}

func TestOneReplicaWorksAndTheOtherTakesOverWhenItStops(t *testing.T) {
	t.Parallel()
	p, brokers, first := newLeader(t)
	first.untilWaitsForNothing()
	holder := p.holder()

	second := p.start(brokers)
	second.untilReadyz("lease: waiting for the lease openorder-topic-controller")
	p.apply("while", `{}`)
	p.until("while", "True Synced")
	if asked := second.series("openorder_topic_admin_requests_total"); len(asked) != 0 || p.holder() != holder {
		t.Errorf("two work at once: the second asked the brokers %v, %s holds the lease", asked, p.holder())
	}

	code, took := first.stop()
	if code != 0 || took > 25*time.Second {
		t.Errorf("SIGTERM: exit code %d after %s", code, took)
	}
	if p.holder() == holder {
		t.Error("the first did not release its lease, for which the second waits until it ends")
	}
	p.apply("after", `{}`)
	p.until("after", "True Synced")
	second.untilWaitsForNothing()
}

func TestAReplicaThatIsKilledIsReplacedWhenItsLeaseEnds(t *testing.T) {
	t.Parallel()
	p, brokers, first := newLeader(t)
	second := p.start(brokers)
	first.signal(syscall.SIGKILL)
	p.apply("after", `{}`)
	p.until("after", "True Synced")
	second.untilWaitsForNothing()
}

func TestSIGTERMEndsTheControllerInOrder(t *testing.T) {
	t.Parallel()
	p, _, c := newLeader(t)
	if p.holder() == "" {
		t.Fatal("it works without the lease")
	}
	if code, took := c.stop(); code != 0 || took > 25*time.Second {
		t.Errorf("exit code %d after %s", code, took)
	}
	if holder := p.holder(); holder != "" {
		t.Errorf("%s still holds the lease", holder)
	}
}
