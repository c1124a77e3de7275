package kafka

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kprom"
)

type consumerMetrics struct {
	records      *prometheus.CounterVec
	retries      *prometheus.CounterVec
	deadLetters  *prometheus.CounterVec
	splits       prometheus.Counter
	waiting      prometheus.Gauge
	openOffsets  prometheus.Gauge
	batchSize    prometheus.Histogram
	batchSeconds prometheus.Histogram
	lag          *prometheus.GaugeVec
	counters     map[[2]string]prometheus.Counter // of records, so that no record pays for a look-up by labels
}

func newConsumerMetrics(reg prometheus.Registerer, group string, topics []string) *consumerMetrics {
	m := &consumerMetrics{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "openorder_consumer_records_total",
			Help: "Records finished, by topic and result: done, dead_lettered, or passed (left alone: dead letters that cannot be read, which are kept in their topic, and records redriven for another group).",
		}, []string{"topic", "result"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "openorder_consumer_retries_total",
			Help: "Attempts that failed and are made again, by cause: fault (the record's own, three attempts in all) or outage (without end).",
		}, []string{"cause"}),
		deadLetters: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "openorder_dead_letters_total",
			Help: "Records written to the dead letter topic, by original topic and reason.",
		}, []string{"topic", "reason"}),
		splits: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "openorder_consumer_batch_splits_total",
			Help: "Refused batches that were halved to find the culprit.",
		}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "openorder_consumer_waiting_records",
			Help: "Records that wait for their next attempt, or behind one of their key that does.",
		}),
		openOffsets: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "openorder_consumer_open_offsets",
			Help: "Offsets that are not committed yet because they, or an earlier one, are unfinished.",
		}),
		batchSize: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "openorder_consumer_batch_records", Help: "Records handled in one transaction.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 8),
		}),
		batchSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "openorder_consumer_batch_seconds", Help: "Time from a batch's start to its commit in the database.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}),
		lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "openorder_consumer_lag_records",
			Help: "Offsets between what this process has finished of a partition assigned to it and the partition's end.",
		}, []string{"topic", "partition"}),
		counters: map[[2]string]prometheus.Counter{},
	}
	prometheus.WrapRegistererWith(prometheus.Labels{"group": group}, reg).MustRegister(
		m.records, m.retries, m.deadLetters, m.splits, m.waiting, m.openOffsets, m.batchSize, m.batchSeconds, m.lag)
	// From 0 on, or a rate would miss the first ones.
	for _, topic := range topics {
		m.records.WithLabelValues(topic, "done")
		m.records.WithLabelValues(topic, "dead_lettered")
	}
	m.retries.WithLabelValues("fault")
	m.retries.WithLabelValues("outage")
	return m
}

// record counts one; the session's mu is held.
func (m *consumerMetrics) record(topic, result string) {
	key := [2]string{topic, result}
	counter := m.counters[key]
	if counter == nil {
		counter = m.records.WithLabelValues(topic, result)
		m.counters[key] = counter
	}
	counter.Inc()
}

// forget removes the lag of a partition that is somebody else's now.
func (m *consumerMetrics) forget(at topicPartition) {
	m.lag.DeleteLabelValues(at.topic, fmt.Sprint(at.partition))
}

// hooks are the client library's own metrics, told apart by client.
func hooks(reg prometheus.Registerer, client string) []kgo.Hook {
	if reg == nil {
		return nil
	}
	labelled := prometheus.WrapRegistererWith(prometheus.Labels{"client": client}, reg)
	return []kgo.Hook{kprom.NewMetrics("openorder", kprom.Subsystem("kafka_client"), kprom.Registerer(lenient{labelled}))}
}

// lenient takes a collector that is registered already: clients are replaced, and a new one may be made before the old
// one's metrics are gone.
type lenient struct{ prometheus.Registerer }

func (l lenient) MustRegister(collectors ...prometheus.Collector) {
	for _, c := range collectors {
		if err := l.Register(c); err != nil && !errors.As(err, &prometheus.AlreadyRegisteredError{}) {
			panic(err)
		}
	}
}
