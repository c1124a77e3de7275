package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

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

// answering is an API server that answers writes one after the other, the last of them for ever.
type answering struct {
	client.Client
	answers []error
	asked   int
}

func (a *answering) Create(context.Context, client.Object, ...client.CreateOption) error {
	a.asked++
	return a.answers[min(a.asked, len(a.answers))-1]
}

func TestAnEventIsWrittenAgainWhereThatMayHelp(t *testing.T) {
	t.Parallel()
	hangUp := errors.New("read: connection reset by peer")
	cases := map[string]struct {
		answers []error
		asked   int
		paused  time.Duration
	}{
		"written":           {[]error{nil}, 1, 0},
		"there already":     {[]error{hangUp, apierrors.NewAlreadyExists(schema.GroupResource{}, "")}, 2, 100 * time.Millisecond},
		"hung up on twice":  {[]error{hangUp, hangUp, nil}, 3, 400 * time.Millisecond},
		"too many requests": {[]error{apierrors.NewTooManyRequests("", 1), nil}, 2, 100 * time.Millisecond},
		"busy":              {[]error{apierrors.NewServiceUnavailable(""), nil}, 2, 100 * time.Millisecond},
		"out of time":       {[]error{apierrors.NewTimeoutError("", 1), nil}, 2, 100 * time.Millisecond},
		"broken for long":   {[]error{apierrors.NewInternalError(hangUp)}, 4, 1300 * time.Millisecond},
		"no such namespace": {[]error{apierrors.NewNotFound(schema.GroupResource{}, "")}, 1, 0},
		"no right":          {[]error{apierrors.NewForbidden(schema.GroupResource{}, "", nil)}, 1, 0},
		"not a valid event": {[]error{apierrors.NewInvalid(schema.GroupKind{}, "", nil)}, 1, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				api := &answering{answers: c.answers}
				recorder := newRecorder(api, NewMetrics(prometheus.NewRegistry(), time.Now()), slog.New(slog.DiscardHandler))
				began := time.Now()
				_ = recorder.write(t.Context(), &eventsv1.Event{})
				if paused := time.Since(began); api.asked != c.asked || paused != c.paused {
					t.Errorf("asked %d times, with pauses of %s; want %d, %s", api.asked, paused, c.asked, c.paused)
				}
			})
		})
	}
}
