package reconcile

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// Metrics is what the controller tells Prometheus, beside controller-runtime's own.
type Metrics struct {
	drift         prometheus.Counter
	sweep         prometheus.Gauge
	sweepSeconds  prometheus.Histogram
	eventsDropped prometheus.Counter
}

// NewMetrics registers the metrics. started is the time of the last successful sweep before there is one.
func NewMetrics(registry prometheus.Registerer, started time.Time) *Metrics {
	m := &Metrics{
		drift: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "openorder_topic_drift_total",
			Help: "Topics that were changed behind their resource's back, set back or not.",
		}),
		sweep: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "openorder_topic_last_sweep_timestamp_seconds",
			Help: "When all topics were last compared with their resources, in seconds since 1970; the start of the process before that.",
		}),
		sweepSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "openorder_topic_sweep_duration_seconds",
			Help:    "How long it took to compare all topics with their resources.",
			Buckets: []float64{.01, .05, .1, .5, 1, 5, 10, 30},
		}),
		eventsDropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "openorder_topic_events_dropped_total",
			Help: "Kubernetes events that were not written, for too many waited or the API server refused them.",
		}),
	}
	m.sweep.Set(float64(started.Unix()))
	registry.MustRegister(m.drift, m.sweep, m.sweepSeconds, m.eventsDropped)
	return m
}

// readyCollector tells of each resource whether it is ready, from the cache, so that it never lags behind or piles up.
type readyCollector struct {
	reader client.Reader
	most   int
}

var (
	readyDesc = prometheus.NewDesc("openorder_topic_ready",
		"1 where a KafkaTopic is Ready, 0 where it is not, with the reason. Those that are not come first where --metrics-max-topics bounds their number.",
		[]string{"namespace", "name", "topic", "reason"}, nil)
	topicsDesc = prometheus.NewDesc("openorder_topic_resources",
		"KafkaTopic resources by their Ready condition; bounded by nothing.", []string{"ready"}, nil)
)

// Describe tells which metrics come.
func (c *readyCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- readyDesc
	ch <- topicsDesc
}

// Collect reads the cache.
func (c *readyCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var list v1alpha1.KafkaTopicList
	if err := c.reader.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return // not synchronised yet
	}
	type row struct {
		resource *v1alpha1.KafkaTopic
		ready    metav1.ConditionStatus
		reason   string
	}
	rows := make([]row, len(list.Items))
	counts := map[metav1.ConditionStatus]int{metav1.ConditionTrue: 0, metav1.ConditionFalse: 0, metav1.ConditionUnknown: 0}
	for i := range list.Items {
		rows[i] = row{&list.Items[i], metav1.ConditionUnknown, "Pending"}
		if ready := meta.FindStatusCondition(list.Items[i].Status.Conditions, v1alpha1.ConditionReady); ready != nil {
			rows[i].ready, rows[i].reason = ready.Status, ready.Reason
		}
		counts[rows[i].ready]++
	}
	for ready, n := range counts {
		ch <- prometheus.MustNewConstMetric(topicsDesc, prometheus.GaugeValue, float64(n), string(ready))
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(value(a.ready), value(b.ready)) })
	for _, r := range rows[:min(len(rows), c.most)] {
		ch <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, value(r.ready),
			r.resource.Namespace, r.resource.Name, r.resource.TopicName(), r.reason)
	}
}

func value(ready metav1.ConditionStatus) float64 {
	if ready == metav1.ConditionTrue {
		return 1
	}
	return 0
}
