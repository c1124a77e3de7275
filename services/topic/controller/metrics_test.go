package controller_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/openorder/openorder/services/internal/testenv"
)

func TestMetricsTellWhatOperatorsAsk(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	p := newPlace(t)
	began := float64(time.Now().Unix())
	c := p.start(brokers, "--metrics-max-topics", "2")
	p.apply("a-good", `{topicName: order.created, config: {retention.ms: 1000}}`)
	p.until("a-good", "True Synced")
	p.apply("b-loser", `{topicName: order.created}`)
	p.apply("c-greedy", `{replicas: 99}`)
	p.apply("d-bad", `{config: {retention.ms: []}}`)
	p.until("b-loser", "False Conflict")
	p.until("c-greedy", "False NotEnoughBrokers")
	p.until("d-bad", "False Invalid")
	is := func(metric string, want map[string]float64) {
		t.Helper()
		got := map[string]float64{}
		testenv.Eventually(t, metric+" shows it", func() bool { got = c.series(metric); return len(got) > 0 && cmp.Equal(want, got) })
	}
	is("openorder_topic_ready", map[string]float64{ // two of four: what is not ready comes first
		fmt.Sprintf("name=%q,namespace=%q,reason=%q,topic=%q", "b-loser", p.namespace, "Conflict", "order.created"):     0,
		fmt.Sprintf("name=%q,namespace=%q,reason=%q,topic=%q", "c-greedy", p.namespace, "NotEnoughBrokers", "c-greedy"): 0,
	})
	is("openorder_topic_resources", map[string]float64{`ready="True"`: 1, `ready="False"`: 3, `ready="Unknown"`: 0})

	swept := c.series("openorder_topic_last_sweep_timestamp_seconds")[""]
	if swept < began {
		t.Errorf("the last sweep was at %v, before the start at %v", swept, began)
	}
	testenv.Eventually(t, "a later sweep is told", func() bool {
		return c.series("openorder_topic_last_sweep_timestamp_seconds")[""] > swept && c.series("openorder_topic_sweep_duration_seconds_count")[""] > 0
	})

	value := "5"
	_, err := testenv.Admin(t, brokers).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &value}}, "order.created")
	p.must(err)
	is("openorder_topic_drift_total", map[string]float64{"": 1})

	for _, request := range []string{"Metadata", "DescribeConfigs", "CreateTopics", "IncrementalAlterConfigs"} {
		if sent := c.series("openorder_topic_admin_requests_total"); sent[`request="`+request+`"`] < 1 {
			t.Errorf("%s is not counted: %v", request, sent)
		}
	}
	if failed := c.series("openorder_topic_admin_errors_total"); failed[`code="INVALID_REPLICATION_FACTOR",request="CreateTopics"`] < 1 {
		t.Errorf("the brokers' refusal is not counted: %v", failed)
	}
	for _, metric := range []string{"workqueue_depth", "workqueue_adds_total"} {
		queue := slices.Collect(maps.Keys(c.series(metric)))
		if !slices.ContainsFunc(queue, func(labels string) bool { return strings.Contains(labels, `name="kafkatopic"`) }) {
			t.Errorf("%s: %v", metric, queue)
		}
	}
	for _, metric := range []string{"controller_runtime_reconcile_total", "rest_client_requests_total", "process_resident_memory_bytes", "openorder_topic_events_dropped_total"} {
		if len(c.series(metric)) == 0 {
			t.Errorf("there is no %s", metric)
		}
	}
}

// While the brokers are away no sweep succeeds, which is what the alert OpenOrderTopicSweepLate looks at.
func TestTheLastSweepGrowsOldWhileNoBrokerAnswers(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	p := newPlace(t)
	c := p.start(brokers)
	last := func() float64 { return c.series("openorder_topic_last_sweep_timestamp_seconds")[""] }
	count := func() float64 { return c.series("openorder_topic_sweep_duration_seconds_count")[""] }
	testenv.Eventually(t, "it sweeps", func() bool { return count() > 0 })
	fake.Close()
	c.untilReadyz("kafka: waiting for the brokers")
	failed := func() float64 {
		return c.series("openorder_topic_admin_errors_total")[`code="none",request="Metadata"`]
	}
	before, at := failed(), last()
	testenv.Eventually(t, "another sweep fails", func() bool { return failed() > before })
	if last() != at {
		t.Error("a sweep that failed counts as one")
	}
}
