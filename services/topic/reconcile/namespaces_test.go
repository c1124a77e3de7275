package reconcile_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/kubetest"
	"github.com/openorder/openorder/services/topic/reconcile"
)

// in is the bundle with its hands in another namespace.
func (b *bundle) in(namespace string) *bundle {
	other := *b
	other.namespace = namespace
	return &other
}

func TestOwnershipSpansTheNamespacesOfTheController(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		second, stranger := kubetest.Namespace(t), kubetest.Namespace(t)
		b := setup(t, brokers, func(o *reconcile.Options) { o.Namespaces = append(o.Namespaces, second) })
		b.apply("z-older", `{topicName: orders, partitions: 2, deletionPolicy: Delete}`)
		older := b.until("z-older", "True Synced")
		testenv.Eventually(t, "the next resource is younger by a second", func() bool {
			return time.Now().Unix() > older.CreationTimestamp.Unix()
		})
		b.in(second).apply("a-younger", `{topicName: orders, deletionPolicy: Delete}`)
		b.in(stranger).apply("orders", `{topicName: orders}`)
		if loser := ready(b.in(second).until("a-younger", "False Conflict")); !strings.Contains(loser, b.namespace+"/z-older") {
			t.Errorf("got %s", loser)
		}
		b.delete("z-older")
		b.untilGone("z-older")
		heir := b.in(second).until("a-younger", "True Synced")
		if d := b.topic("orders"); d == nil || d.ID != older.Status.TopicID || heir.Status.TopicID != d.ID {
			t.Errorf("the topic must never have been deleted: %+v, %+v", d, heir.Status)
		}
		if s := ready(b.in(stranger).get("orders")); !strings.HasPrefix(s, "Unknown Pending") {
			t.Errorf("a namespace that is not this controller's: %s", s)
		}
	})
}

// A namespace that --allow excludes takes nothing from the others by being first. Only a deletion minds it.
func TestAResourceThatMayNotNameTheTopicHoldsItFromNobody(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	excluded := kubetest.Namespace(t)
	b := setup(t, brokers, func(o *reconcile.Options) {
		o.Allow = reconcile.Allow{o.Namespaces[0]: {"orders"}}
		o.Namespaces = append(o.Namespaces, excluded)
	})
	b.in(excluded).apply("a-first", `{topicName: orders, partitions: 2}`)
	first := b.in(excluded).until("a-first", "False Forbidden")
	testenv.Eventually(t, "the next resource is younger by a second", func() bool {
		return time.Now().Unix() > first.CreationTimestamp.Unix()
	})
	b.apply("b-second", `{topicName: orders, partitions: 3, deletionPolicy: Delete}`)
	b.until("b-second", "True Synced")
	b.rest()
	if s := ready(b.in(excluded).get("a-first")); !strings.HasPrefix(s, "False Forbidden") || b.topic("orders").Partitions != 3 {
		t.Errorf("got %s", s)
	}
	b.delete("b-second")
	b.untilGone("b-second")
	b.untilEvents("b-second", "Created", "Retained")
	if b.topic("orders") == nil {
		t.Error("in doubt a topic is kept")
	}
}

func TestAWrongAllowForgetsNoTopic(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	prefix := "orders"
	b := setup(t, brokers, func(o *reconcile.Options) { o.Allow = reconcile.Allow{o.Namespaces[0]: {prefix}} })
	b.apply("orders", `{partitions: 2, deletionPolicy: Delete, config: {retention.ms: 1000}}`)
	made := b.until("orders", "True Synced").Status
	b.halt()
	prefix = "odrers"
	b.start()
	if got := b.until("orders", "False Forbidden"); len(got.Finalizers) != 0 || got.Status.TopicID != made.TopicID || !got.Status.Created {
		t.Errorf("got %+v", got)
	}
	b.halt()
	prefix = "orders"
	b.start()
	if got := b.until("orders", "True Synced").Status; got.TopicID != made.TopicID || !got.Created || !slices.Equal(got.ConfigKeys, made.ConfigKeys) {
		t.Errorf("mended: %+v", got)
	}
	b.delete("orders")
	b.untilGone("orders")
	if b.topic("orders") != nil {
		t.Error("the topic is kept, though this resource had it made")
	}
}

func TestAControllerWorksForTheResourcesOfItsSelector(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	selector := labels.SelectorFromSet(labels.Set{"cluster": "this"})
	b := setup(t, brokers, func(o *reconcile.Options) { o.Selector = selector })
	b.apply("other", `{topicName: orders}`)
	b.change("other", `{metadata: {labels: {cluster: other}}}`)
	b.apply("this", `{topicName: orders, deletionPolicy: Delete}`)
	b.change("this", `{metadata: {labels: {cluster: this}}}`)
	b.until("this", "True Synced")
	b.rest()
	if s := ready(b.get("other")); !strings.HasPrefix(s, "Unknown Pending") {
		t.Errorf("it is another controller's: %s", s)
	}
	b.delete("this")
	b.untilGone("this")
	if b.topic("orders") != nil {
		t.Error("a resource for another cluster keeps the topic of this one")
	}
}

// To a watch with a selector, a resource that loses its labels is a deleted one.
func TestAResourceThatLeavesTheSelectorIsNotToldToBeDeleted(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers, func(o *reconcile.Options) { o.Selector = labels.SelectorFromSet(labels.Set{"cluster": "this"}) })
	for _, name := range []string{"leaving", "deleted"} {
		b.apply(name, `{partitions: 1}`)
		b.change(name, `{metadata: {labels: {cluster: this}}}`)
		b.until(name, "True Synced")
	}
	b.change("leaving", `{metadata: {labels: {cluster: other}}}`)
	b.delete("deleted")
	b.untilEvents("deleted", "Created", "Retained") // which comes later
	b.untilEvents("leaving", "Created")
}
