package cluster

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// wire counts what goes over the wire, the client's own requests too.
type wire struct {
	requests *prometheus.CounterVec
	errors   *prometheus.CounterVec
	creates  atomic.Int64 // that a broker may have got
}

var _ kgo.HookBrokerWrite = (*wire)(nil)

func newWire(metrics prometheus.Registerer) *wire {
	w := &wire{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "openorder_topic_admin_requests_total",
			Help: "Requests sent to the brokers, by kind.",
		}, []string{"request"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "openorder_topic_admin_errors_total",
			Help: "Errors that the brokers answered, a topic each, by kind of request and Kafka's name of the error; code none: the request was not answered.",
		}, []string{"request", "code"}),
	}
	metrics.MustRegister(w.requests, w.errors)
	return w
}

// OnBrokerWrite counts a request, unless not even a part of it left.
func (w *wire) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, written int, _, _ time.Duration, _ error) {
	if written == 0 {
		return
	}
	w.requests.WithLabelValues(kmsg.NameForKey(key)).Inc()
	if key == int16(kmsg.CreateTopics) {
		w.creates.Add(1)
	}
}

func (w *wire) failed(key int16, code string) {
	if code == "" {
		code = "none"
	}
	w.errors.WithLabelValues(kmsg.NameForKey(key), code).Inc()
}
