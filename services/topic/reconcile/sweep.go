package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/cluster"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// sweeper compares all topics with their resources every now and then: in two requests to the brokers, and none to the
// API server. It changes nothing itself; what needs a pass is put into the queue.
type sweeper struct {
	*Reconciler
	every time.Duration
	found chan event.TypedGenericEvent[*v1alpha1.KafkaTopic]
	log   *slog.Logger
}

// Start sweeps until ctx is done.
func (s *sweeper) Start(ctx context.Context) error {
	_ = s.Cluster.Reach(ctx) // what it meets is reported, before any topic asks
	timer := time.NewTimer(s.jittered())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		started := time.Now()
		if err := s.sweep(ctx); err != nil {
			s.log.Warn("sweep failed", "error", err)
		} else {
			s.Metrics.sweep.SetToCurrentTime()
			s.Metrics.sweepSeconds.Observe(time.Since(started).Seconds())
		}
		debug.FreeOSMemory() // what a sweep, or many changes at once, needed beyond what stays
		timer.Reset(s.jittered())
	}
}

// jittered is the interval, give or take a tenth, so that controllers of one cluster do not sweep at once.
func (s *sweeper) jittered() time.Duration {
	return time.Duration(float64(s.every) * (0.9 + 0.2*rand.Float64()))
}

func (s *sweeper) sweep(ctx context.Context) error {
	var list v1alpha1.KafkaTopicList
	if err := s.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list the resources: %w", err)
	}
	var looked []*v1alpha1.KafkaTopic
	var wanted []topic.Desired
	var queries []cluster.Query
	for i := range list.Items {
		resource := &list.Items[i]
		desired, err := topic.FromResource(resource)
		switch {
		case resource.Deleting() || resource.Policy() == v1alpha1.Pause || underWay(resource):
		case err != nil || !isReady(resource):
			s.enqueue(ctx, resource) // terminal problems get another try
		default:
			if resource.Policy() == v1alpha1.Observe {
				desired.Enforced = nil
			}
			looked, wanted = append(looked, resource), append(wanted, desired)
			queries = append(queries, cluster.Query{Name: desired.Name, Keys: desired.Keys()})
		}
	}
	if len(queries) == 0 {
		return s.Cluster.Reach(ctx)
	}
	topics, errs := s.Cluster.DescribeAll(ctx, queries)
	var failed error
	for i, resource := range looked {
		switch {
		case cluster.Is(errs[i], cluster.Unavailable):
			failed = errs[i]
		case errs[i] != nil, s.differs(resource, wanted[i], topics[i]):
			s.enqueue(ctx, resource)
		}
	}
	return failed
}

// underWay tells that a pass over the resource as it stands is to come: its change queued it.
func underWay(resource *v1alpha1.KafkaTopic) bool {
	return resource.Status.Unreadable == "" && resource.Status.ObservedGeneration != resource.Generation
}

func isReady(resource *v1alpha1.KafkaTopic) bool {
	for _, c := range resource.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c.Status == "True"
		}
	}
	return false
}

// differs tells whether a pass would have something to do or to say.
func (s *sweeper) differs(resource *v1alpha1.KafkaTopic, desired topic.Desired, have *topic.Topic) bool {
	if have == nil {
		return true
	}
	status := &resource.Status
	untaken := resource.Policy() != v1alpha1.Observe && have.ID != "" && have.ID != status.TopicID
	if untaken || replaced(status, have) || have.Partitions != status.Partitions || have.Replicas != status.Replicas {
		return true
	}
	return !topic.Diff(desired, have, s.ability(desired.Name)).Empty()
}

func (s *sweeper) enqueue(ctx context.Context, resource *v1alpha1.KafkaTopic) {
	select {
	case s.found <- event.TypedGenericEvent[*v1alpha1.KafkaTopic]{Object: resource}:
	case <-ctx.Done():
	}
}
