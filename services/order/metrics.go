package order

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	accepted       prometheus.Counter
	settled        *prometheus.CounterVec
	ignored        *prometheus.CounterVec
	published      prometheus.Counter
	republished    prometheus.Counter
	unpublishedAge prometheus.Gauge
	outcomeTime    prometheus.Histogram
	groupSize      prometheus.Histogram
	groupTime      prometheus.Histogram
	streams        prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := &metrics{
		accepted: counter("openorder_orders_accepted_total", "Orders made durable and answered with 202."),
		settled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "openorder_orders_status_changes_total", Help: "Orders that became RESERVED, REJECTED or FAILED.",
		}, []string{"status"}),
		ignored: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "openorder_orders_events_passed_total", Help: "Outcomes and dead letters that changed no order's status, by reason.",
		}, []string{"reason"}),
		published:      counter("openorder_orders_published_total", "Order events published for the first time."),
		republished:    counter("openorder_orders_republished_total", "Order events published again since nobody had answered them."),
		unpublishedAge: gauge("openorder_orders_oldest_unpublished_age_seconds", "Age of the oldest order whose event was never published."),
		outcomeTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "openorder_orders_outcome_duration_seconds", Help: "Time from an order's acceptance to RESERVED or REJECTED.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 5, 15, 60, 300, 3600},
		}),
		groupSize: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "openorder_orders_group_size", Help: "Orders kept in one transaction.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512},
		}),
		groupTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "openorder_orders_group_commit_duration_seconds", Help: "Time to keep one group of orders, retries included.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 3},
		}),
		streams: gauge("openorder_orders_event_streams", "Open event streams."),
	}
	for _, status := range []Status{Reserved, Rejected, Failed} {
		m.settled.WithLabelValues(string(status))
	}
	for _, verdict := range []Verdict{Noted, Repeated, Settled, Overfull, Foreign, Unknown, Alien, Undecodable} {
		m.ignored.WithLabelValues(string(verdict))
	}
	reg.MustRegister(m.accepted, m.settled, m.ignored, m.published, m.republished, m.unpublishedAge, m.outcomeTime,
		m.groupSize, m.groupTime, m.streams)
	return m
}
