// Package reconcile makes KafkaTopic resources and the topics of one Kafka cluster agree. A pass over a resource is: see
// who owns the topic, look at the topic, plan, carry the plan out, write the status once.
package reconcile

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/batch"
	"github.com/openorder/openorder/services/topic/cluster"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// How long to wait before something is said or believed.
const (
	// patience is how long a pass may take before Ready=False says what it waits for.
	patience = 5 * time.Second
	// outagePatience is the same while no broker answers.
	outagePatience = 30 * time.Second
	// confirmAbsence is how long a managed topic must be absent before it is believed to be gone.
	confirmAbsence = 3 * time.Second
	// attemptLasts is how long a create that nobody answered may take to show.
	attemptLasts = 30 * time.Second
	// settleTime is how long brokers may take to show what they were told.
	settleTime = 5 * time.Second
	// departing is how long a deletion waits for others, for each batch of them reads all resources.
	departing = 150 * time.Millisecond
	// refusedDeletion is when a deletion is tried again that somebody has to allow first: each attempt reads all resources.
	refusedDeletion = time.Minute
	// stopBound is how long passes may go on after the controller was told to stop.
	stopBound = 10 * time.Second
)

// Reconciler works on one resource at a time, on many at once.
type Reconciler struct {
	Client     client.Client // reads from the cache
	API        client.Reader // reads from the API server
	Cluster    *cluster.Cluster
	Events     *Recorder
	Metrics    *Metrics
	Allow      Allow
	Namespaces []string // none: all
	Selector   labels.Selector

	memories    memories
	ineffective ineffective
	departures  *batch.Batcher[departure, fate]
}

// Reconcile makes one pass over a resource. One that is under way when the controller is told to stop comes to its end, so
// that what it made is written down.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	ctx, cancel := outlast(ctx, stopBound)
	defer cancel()
	resource := &v1alpha1.KafkaTopic{}
	if err := r.Client.Get(ctx, request.NamespacedName, resource); err != nil {
		if apierrors.IsNotFound(err) {
			r.memories.forget(request.NamespacedName)
			return reconcile.Result{}, nil
		}
		return reconcile.Result{}, err
	}
	p := &pass{Reconciler: r, resource: resource, before: *resource.Status.DeepCopy(), memory: r.memories.of(resource)}
	if p.memory.ahead(resource) {
		return reconcile.Result{RequeueAfter: 20 * time.Millisecond}, nil // the cache does not show our own last write yet
	}
	found, err := p.run(ctx)
	if err == nil {
		return p.finish(ctx, found)
	}
	return p.refused(err)
}

// refused is what to do when the API server did not take a write.
func (p *pass) refused(err error) (reconcile.Result, error) {
	p.keep()
	switch {
	case apierrors.IsNotFound(err):
		return reconcile.Result{RequeueAfter: time.Second}, nil // if it is so, the cache will show it; a proxy says it, too
	case apierrors.IsConflict(err):
		return reconcile.Result{RequeueAfter: 20 * time.Millisecond}, nil // somebody changed it; the cache will show it
	}
	return reconcile.Result{}, err
}

// pass is one look at one resource.
type pass struct {
	*Reconciler
	resource *v1alpha1.KafkaTopic
	before   v1alpha1.KafkaTopicStatus // as last read or written
	memory   *memory
	took     bool // the topic became this resource's in this pass
	events   []happening
}

// run finds out what to say about the resource, and does what is to be done. No verdict: there is nothing to say.
func (p *pass) run(ctx context.Context) (*verdict, error) {
	if p.resource.Deleting() {
		return p.depart(ctx)
	}
	name := p.resource.TopicName()
	p.resource.Status.TopicName = name
	owner, err := p.owner(ctx)
	if err != nil {
		return nil, err
	}
	if sentence := p.forbidden(); sentence != "" {
		return p.stand(ctx, terminal(ReasonForbidden, sentence)) // the status stays: --allow may be a slip
	}
	policy := p.resource.Policy()
	if policy != v1alpha1.Observe && owner != nil && owner.UID != p.resource.UID {
		return p.stand(ctx, p.disown(conflict(p.resource, owner)))
	}
	desired, invalid := topic.FromResource(p.resource)
	if invalid == nil && policy == v1alpha1.Manage {
		return p.manage(ctx, desired)
	}
	if err := p.holdFinalizer(ctx, p.wantsDeletion() && policy != v1alpha1.Observe); err != nil {
		return nil, err
	}
	switch {
	case invalid != nil:
		return terminal(ReasonInvalid, sentence(invalid)), nil
	case policy == v1alpha1.Pause:
		return paused(), nil
	}
	return p.observe(ctx, desired), nil
}

func (p *pass) wantsDeletion() bool { return p.resource.Spec.DeletionPolicy == v1alpha1.Delete }

// stand is a verdict on a resource that has no topic and so no finalizer.
func (p *pass) stand(ctx context.Context, v *verdict) (*verdict, error) {
	return v, p.holdFinalizer(ctx, false)
}

// disown forgets the topic of a resource that may not have it.
func (p *pass) disown(v *verdict) *verdict {
	s := &p.resource.Status
	s.TopicID, s.Created, s.Partitions, s.Replicas, s.ConfigKeys = "", false, 0, 0, nil
	p.memory.disown()
	return v
}

// outlast is a context that ends some time after its parent does.
func outlast(parent context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		timer := time.AfterFunc(by, cancel)
		context.AfterFunc(ctx, func() { timer.Stop() })
	})
	return ctx, func() { stop(); cancel() }
}
