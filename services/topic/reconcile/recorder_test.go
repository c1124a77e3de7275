package reconcile

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/openorder/openorder/services/topic/v1alpha1"
)

func TestEventsThatNobodyTakesAreDroppedAndDelayNobody(t *testing.T) {
	t.Parallel()
	metrics := NewMetrics(prometheus.NewRegistry(), time.Now())
	recorder := newRecorder(nil, metrics, slog.New(slog.DiscardHandler)) // nobody writes
	for range eventQueue + 3 {
		recorder.tell(&v1alpha1.KafkaTopic{}, happening{normal, EventCreated, "Created the topic."}) // which returns
	}
	if n := testutil.ToFloat64(metrics.eventsDropped); n != 3 {
		t.Errorf("%v events are dropped beyond a queue of %d", n, eventQueue)
	}
}
