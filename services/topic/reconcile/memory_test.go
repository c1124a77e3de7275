package reconcile

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/cluster"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// Trouble and absence of hours ago are not taken for the beginning of what is met now.
func TestWhatWasWaitedForIsForgottenWhenNothingIs(t *testing.T) {
	t.Parallel()
	long := time.Now().Add(-time.Hour)
	settled := v1alpha1.KafkaTopicStatus{Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: ReasonSynced}}}
	for name, end := range map[string]func(*pass) *verdict{
		"an outage that changes nothing": func(p *pass) *verdict { return p.trouble(&cluster.Error{Kind: cluster.Unavailable}) },
		"paused":                         func(*pass) *verdict { return paused() },
		"a result":                       func(*pass) *verdict { return ready(ReasonSynced, "") },
	} {
		m := &memory{troubled: long, tries: 9, absent: long}
		p := &pass{Reconciler: &Reconciler{}, resource: &v1alpha1.KafkaTopic{}, before: settled, memory: m}
		v := end(p)
		p.resource.Status = settled
		p.record(v)
		p.before = p.resource.Status
		if _, err := p.finish(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		if waited := m.trouble(); waited > time.Minute || m.gone() {
			t.Errorf("%s: trouble for %s, gone %v", name, waited, m.gone())
		}
	}
}

// A topic is gone when it was absent at each look, and nobody else than its manager misses it.
func TestALookThatTellsNothingEndsAnAbsence(t *testing.T) {
	t.Parallel()
	brokers, err := cluster.Open(kafka.Config{Brokers: "127.0.0.1:1"}, slog.New(slog.DiscardHandler), prometheus.NewRegistry(), func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(brokers.Close)
	unanswered, cancel := context.WithCancel(t.Context())
	cancel()
	for name, look := range map[string]func(*pass){
		"managed":  func(p *pass) { _, _ = p.manage(unanswered, topic.Desired{Name: "orders"}) },
		"observed": func(p *pass) { p.observe(unanswered, topic.Desired{Name: "orders"}) },
	} {
		p := &pass{Reconciler: &Reconciler{Cluster: brokers}, resource: &v1alpha1.KafkaTopic{}, memory: &memory{absent: time.Now().Add(-time.Hour)}}
		look(p)
		if p.memory.gone() {
			t.Errorf("%s: an absence of an hour ago is remembered", name)
		}
	}
}

// Topics come and go, and what brokers take without effect on them must not pile up.
func TestWhatIsTakenWithoutEffectIsForgottenThoughNobodyAsks(t *testing.T) {
	t.Parallel()
	i := ineffective{m: map[string]time.Time{"gone/segment.bytes=1": time.Now().Add(-2 * time.Hour)}}
	i.add("there/segment.bytes=1")
	if len(i.m) != 1 || !i.has("there/segment.bytes=1") {
		t.Errorf("remembered: %v", i.m)
	}
}

// Whoever makes the topic after that is somebody else, and it is not deleted with the resource unasked.
func TestACreateOfLongAgoDidNotMakeATopicThatIsAbsentStill(t *testing.T) {
	t.Parallel()
	for ago, ours := range map[time.Duration]bool{time.Second: true, time.Minute: false} {
		m := &memory{}
		m.attempt(&topic.Desired{Name: "orders"})
		m.attemptedAt = m.attemptedAt.Add(-ago)
		p := &pass{Reconciler: &Reconciler{}, resource: &v1alpha1.KafkaTopic{}, memory: m}
		if _, err := p.missed(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p.ours(&topic.Topic{Name: "orders", ID: "id", Partitions: 7, Replicas: 3}) != ours {
			t.Errorf("%s after the attempt it is ours: %v", ago, !ours)
		}
	}
}
