package reconcile

import (
	"context"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// finish writes what a pass found, once, and only where it says something new; then it tells of what happened.
func (p *pass) finish(ctx context.Context, v *verdict) (reconcile.Result, error) {
	if v == nil {
		return reconcile.Result{}, nil
	}
	if v.silent {
		return reconcile.Result{RequeueAfter: v.again}, nil
	}
	after := v.again
	if v.patience == 0 {
		p.memory.calm()
		p.memory.answered = annotationsOf(p.resource)
	} else {
		troubled := p.memory.trouble()
		if after == 0 {
			after = p.memory.pause()
		}
		if troubled < v.patience && !p.says(v) {
			p.keep()
			return reconcile.Result{RequeueAfter: min(after, v.patience-troubled)}, nil
		}
	}
	v.message = fitting(v.message)
	p.sayVerdict(v)
	p.record(v)
	if err := p.writeStatus(ctx); err != nil {
		return p.refused(err)
	}
	if p.resource.Status.TopicID != "" {
		p.memory.disown() // the status says what there is to know
	}
	p.flush()
	return reconcile.Result{RequeueAfter: after}, nil
}

// fitting is a sentence that a condition has room for: it may quote values of any length.
func fitting(sentence string) string {
	const room, end = 32768, "..."
	if len(sentence) <= room {
		return sentence
	}
	return strings.ToValidUTF8(sentence[:room-len(end)], "") + end
}

// record puts a verdict into the status.
func (p *pass) record(v *verdict) {
	s, generation := &p.resource.Status, p.resource.Generation
	s.ObservedGeneration = generation
	s.Unreadable = ""
	meta.SetStatusCondition(&s.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: v.ready, Reason: v.reason, Message: v.message, ObservedGeneration: generation,
	})
	if v.stalled {
		meta.SetStatusCondition(&s.Conditions, metav1.Condition{
			Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: v.reason, Message: v.message, ObservedGeneration: generation,
		})
	} else {
		meta.RemoveStatusCondition(&s.Conditions, v1alpha1.ConditionStalled)
	}
}

// writeStatus writes the status where it differs from the one that was read or written last, and tells what happened.
func (p *pass) writeStatus(ctx context.Context) error {
	if equality.Semantic.DeepEqual(p.before, p.resource.Status) {
		return nil
	}
	if err := p.Client.Status().Update(ctx, p.resource); err != nil {
		return err
	}
	p.before = *p.resource.Status.DeepCopy()
	p.memory.noteWrite(p.resource)
	p.flush()
	return nil
}

// holdFinalizer makes the finalizer stand or not. Its patch carries the resourceVersion, so that it never answers a
// resource that has changed in between.
func (p *pass) holdFinalizer(ctx context.Context, stand bool) error {
	if controllerutil.ContainsFinalizer(p.resource, v1alpha1.Finalizer) == stand {
		return nil
	}
	status := *p.resource.Status.DeepCopy()
	base := p.resource.DeepCopy()
	if stand {
		controllerutil.AddFinalizer(p.resource, v1alpha1.Finalizer)
	} else {
		controllerutil.RemoveFinalizer(p.resource, v1alpha1.Finalizer)
	}
	if err := p.Client.Patch(ctx, p.resource, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})); err != nil {
		return err
	}
	p.resource.Status = status // as it stands in this pass, not as the answer has it
	p.memory.noteWrite(p.resource)
	return nil
}

// settled tells that the last status was a result, of the resource as it stands.
func (p *pass) settled() bool { return settled(p.resource, p.before) }

func settled(resource *v1alpha1.KafkaTopic, status v1alpha1.KafkaTopicStatus) bool {
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	return !resource.Deleting() && status.ObservedGeneration == resource.Generation && ready != nil &&
		(ready.Status != metav1.ConditionUnknown || ready.Reason == ReasonPaused) && !waiting[ready.Reason] && ready.Reason != ReasonMissing
}

// says tells whether the status says the verdict already.
func (p *pass) says(v *verdict) bool {
	return slices.ContainsFunc(p.before.Conditions, func(c metav1.Condition) bool {
		return c.Type == v1alpha1.ConditionReady && c.Status == v.ready && c.Reason == v.reason && c.ObservedGeneration == p.resource.Generation
	})
}
