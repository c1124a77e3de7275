package reconcile

import (
	"context"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openorder/openorder/services/topic/v1alpha1"
)

type (
	queue  = workqueue.TypedRateLimitingInterface[reconcile.Request]
	topicO = *v1alpha1.KafkaTopic
)

// worthAPass lets through what somebody else changed. Our own writes of statuses and finalizers are none of it.
func worthAPass() predicate.TypedPredicate[topicO] {
	return predicate.TypedFuncs[topicO]{UpdateFunc: func(e event.TypedUpdateEvent[topicO]) bool {
		before, now := e.ObjectOld, e.ObjectNew
		lostFinalizer := controllerutil.ContainsFinalizer(before, v1alpha1.Finalizer) && !controllerutil.ContainsFinalizer(now, v1alpha1.Finalizer)
		return before.Generation != now.Generation || before.UID != now.UID || before.Deleting() != now.Deleting() || lostFinalizer ||
			!maps.Equal(before.Annotations, now.Annotations)
	}}
}

// watch puts a resource into the queue when it changes, and with it all others that name the same topic: one of them may
// own it now.
func (r *Reconciler) watch() handler.TypedEventHandler[topicO, reconcile.Request] {
	all := func(ctx context.Context, changed topicO, q queue) {
		q.Add(reconcile.Request{NamespacedName: changed.Key()})
		siblings, err := r.siblings(ctx, changed.TopicName())
		if err != nil {
			return // the cache is not there yet: all come
		}
		for i := range siblings {
			if siblings[i].UID != changed.UID {
				q.Add(reconcile.Request{NamespacedName: siblings[i].Key()})
			}
		}
	}
	return handler.TypedFuncs[topicO, reconcile.Request]{
		CreateFunc: func(ctx context.Context, e event.TypedCreateEvent[topicO], q queue) { all(ctx, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.TypedUpdateEvent[topicO], q queue) { all(ctx, e.ObjectNew, q) },
		DeleteFunc: func(ctx context.Context, e event.TypedDeleteEvent[topicO], q queue) {
			r.tellRetained(ctx, e.Object)
			all(ctx, e.Object, q)
		},
	}
}

// tellRetained tells of a topic that stays when its resource goes, which takes no pass. To a watch with a selector, one that
// lost its labels is gone too, and is shown as it was before: there the API server is asked.
func (r *Reconciler) tellRetained(ctx context.Context, gone topicO) {
	if gone.Spec.DeletionPolicy == v1alpha1.Delete || gone.Policy() == v1alpha1.Observe || gone.Status.TopicID == "" {
		return
	}
	tell := func() {
		r.Events.tell(gone, happening{normal, EventRetained, "Kept the topic " + gone.TopicName() + ", as deletionPolicy says."})
	}
	if r.Selector == nil || r.Selector.Empty() {
		tell()
		return
	}
	go func() { // whose ctx ends when the handler returns
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopBound)
		defer cancel()
		var now v1alpha1.KafkaTopic
		err := r.API.Get(ctx, gone.Key(), &now)
		if apierrors.IsNotFound(err) || err == nil && now.UID != gone.UID {
			tell()
		}
	}()
}

func enqueueOne() handler.TypedEventHandler[topicO, reconcile.Request] {
	return handler.TypedFuncs[topicO, reconcile.Request]{
		GenericFunc: func(_ context.Context, e event.TypedGenericEvent[topicO], q queue) {
			q.Add(reconcile.Request{NamespacedName: e.Object.Key()})
		},
	}
}
