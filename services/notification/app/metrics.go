package app

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openorder/openorder/services/internal/service"
	"github.com/openorder/openorder/services/notification"
)

// metrics have a label value for each receiver that is configured, and for those only.
type metrics struct {
	receivers   map[string]bool
	news        *prometheus.CounterVec
	ignored     prometheus.Counter
	attempts    *prometheus.CounterVec
	seconds     *prometheus.HistogramVec
	pending     *prometheus.GaugeVec
	oldest      *prometheus.GaugeVec
	undelivered *prometheus.GaugeVec
}

func newMetrics(reg prometheus.Registerer, receivers []notification.Receiver) *metrics {
	m := &metrics{
		receivers: map[string]bool{},
		news: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "openorder_notifications_total",
			Help: "News recorded to be told, by what the order came to; once for an order and outcome, however many receivers there are.",
		}, []string{"outcome"}),
		ignored: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "openorder_notification_ignored_dead_letters_total",
			Help: "Dead letters that tell nothing of an order, because they come from another topic or consumer group.",
		}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "openorder_notification_attempts_total",
			Help: "Attempts to deliver, by receiver and what came of them: delivered, pending (failed and tried again), given_up or gone.",
		}, []string{"receiver", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "openorder_notification_attempt_seconds", Help: "How long an attempt took, by receiver; for the log, the batch of lines.",
			Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15},
		}, []string{"receiver"}),
		pending: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "openorder_notifications_pending", Help: "Notifications still to be delivered, by receiver; the same number in every replica.",
		}, []string{"receiver"}),
		oldest: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "openorder_notification_oldest_pending_seconds", Help: "Age of the oldest notification still to be delivered, by receiver.",
		}, []string{"receiver"}),
		undelivered: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "openorder_notifications_undelivered",
			Help: "Notifications whose delivery has ended badly, by receiver and state: given_up or gone. They can be re-armed.",
		}, []string{"receiver", "state"}),
	}
	reg.MustRegister(m.news, m.ignored, m.attempts, m.seconds, m.pending, m.oldest, m.undelivered)
	for _, r := range receivers {
		m.receivers[r.ID] = true
	}
	for _, status := range []notification.Status{notification.Reserved, notification.Rejected, notification.Failed} {
		m.news.WithLabelValues(string(status))
	}
	return m
}

func (m *metrics) told(news []notification.Event) {
	counts := map[notification.Status]int{}
	for _, e := range news {
		counts[e.Status]++
	}
	for status, count := range counts {
		m.news.WithLabelValues(string(status)).Add(float64(count))
	}
}

func (m *metrics) ignore(letters int) { m.ignored.Add(float64(letters)) }

func (m *metrics) attempt(n notification.Notification, s notification.Settlement, took time.Duration) {
	m.attempts.WithLabelValues(n.Receiver, string(s.State)).Inc()
	m.seconds.WithLabelValues(n.Receiver).Observe(took.Seconds())
}

// watchInterval is how often the backlog is counted; that costs the ledger a scan of what is not delivered.
const watchInterval = 15 * time.Second

type backlogger interface {
	Backlog(ctx context.Context) ([]notification.Backlog, error)
}

// watch keeps the gauges of the backlog.
func (m *metrics) watch(ledger backlogger, report func(error)) service.Task {
	return service.Every(watchInterval, func(ctx context.Context) {
		backlog, err := ledger.Backlog(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			report(fmt.Errorf("count the backlog: %w", err))
			return
		}
		report(nil)
		m.show(backlog)
	})
}

func (m *metrics) show(backlog []notification.Backlog) {
	for _, b := range backlog {
		if !m.receivers[b.Receiver] {
			continue
		}
		m.pending.WithLabelValues(b.Receiver).Set(float64(b.Waiting))
		age := 0.0
		if !b.OldestSince.IsZero() {
			age = time.Since(b.OldestSince).Seconds()
		}
		m.oldest.WithLabelValues(b.Receiver).Set(age)
		m.undelivered.WithLabelValues(b.Receiver, string(notification.GivenUp)).Set(float64(b.GivenUp))
		m.undelivered.WithLabelValues(b.Receiver, string(notification.Gone)).Set(float64(b.Gone))
	}
}
