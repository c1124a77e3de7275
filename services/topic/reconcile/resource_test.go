package reconcile_test

import (
	"fmt"
	"slices"
	"strings"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// apply makes a resource.
func (b *bundle) apply(name, spec string) {
	b.Helper()
	resource := &v1alpha1.KafkaTopic{ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: name}}
	b.must(yaml.Unmarshal([]byte(spec), &resource.Spec))
	b.must(b.Create(b.Context(), resource))
}

// change changes a resource as kubectl patch does.
func (b *bundle) change(name, patch string) {
	b.Helper()
	encoded, err := yaml.YAMLToJSON([]byte(patch))
	b.must(err)
	resource := &v1alpha1.KafkaTopic{ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: name}}
	b.must(b.Patch(b.Context(), resource, client.RawPatch(types.MergePatchType, encoded)))
}

func (b *bundle) delete(name string) {
	b.Helper()
	b.must(b.Delete(b.Context(), &v1alpha1.KafkaTopic{ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: name}}))
}

// get reads a resource, nil when there is none.
func (b *bundle) get(name string) *v1alpha1.KafkaTopic {
	b.Helper()
	var resource v1alpha1.KafkaTopic
	err := b.Get(b.Context(), client.ObjectKey{Namespace: b.namespace, Name: name}, &resource)
	if client.IgnoreNotFound(err) != nil {
		b.Fatal(err)
	}
	if err != nil {
		return nil
	}
	return &resource
}

// until waits for a resource's condition, given as "True Synced".
func (b *bundle) until(name, condition string) *v1alpha1.KafkaTopic {
	b.Helper()
	var resource *v1alpha1.KafkaTopic
	last := ""
	defer func() {
		if b.Failed() {
			b.Logf("%s: %s", name, last)
		}
	}()
	testenv.Eventually(b, fmt.Sprintf("%s is %s", name, condition), func() bool {
		resource = b.get(name)
		if resource == nil {
			last = "does not exist"
			return false
		}
		last = ready(resource)
		return strings.HasPrefix(last, condition) && resource.Status.ObservedGeneration == resource.Generation
	})
	return resource
}

// ready is the Ready condition as "False Conflict: sentence".
func ready(resource *v1alpha1.KafkaTopic) string {
	c := meta.FindStatusCondition(resource.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil {
		return "no condition"
	}
	return fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
}

func stalled(resource *v1alpha1.KafkaTopic) bool {
	return meta.IsStatusConditionTrue(resource.Status.Conditions, v1alpha1.ConditionStalled)
}

func (b *bundle) untilGone(name string) {
	b.Helper()
	testenv.Eventually(b, name+" is gone", func() bool { return b.get(name) == nil })
}

// eventsOf are the reasons of the events told about a resource, in order.
func (b *bundle) eventsOf(name string) []string {
	b.Helper()
	var list eventsv1.EventList
	b.must(b.List(b.Context(), &list, client.InNamespace(b.namespace)))
	slices.SortFunc(list.Items, func(x, y eventsv1.Event) int { return x.EventTime.Compare(y.EventTime.Time) })
	var reasons []string
	for _, e := range list.Items {
		if e.Regarding.Name == name {
			reasons = append(reasons, e.Reason)
		}
	}
	return reasons
}

func (b *bundle) untilEvents(name string, want ...string) {
	b.Helper()
	var got []string
	defer func() {
		if b.Failed() {
			b.Logf("events of %s: %v, want %v", name, got, want)
		}
	}()
	testenv.Eventually(b, "events are told", func() bool { got = b.eventsOf(name); return slices.Equal(got, want) })
}
