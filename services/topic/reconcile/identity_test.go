package reconcile_test

import (
	"strings"
	"testing"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

func TestATopicThatIsGoneIsMadeAgainWithAWarning(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		b.apply("orders", `{partitions: 2, deletionPolicy: Delete}`)
		id := b.until("orders", "True").Status.TopicID
		b.swept("orders", "Synced") // it counts as new no longer
		b.rest()
		before := b.gate.writes()
		_, err := b.admin.DeleteTopics(t.Context(), "orders")
		b.must(err)
		testenv.Eventually(t, "it is made again", func() bool {
			r := b.get("orders")
			return r.Status.TopicID != "" && r.Status.TopicID != id && strings.HasPrefix(ready(r), "True")
		})
		b.rest()
		if d := b.topic("orders"); d == nil || d.ID != b.get("orders").Status.TopicID || !b.get("orders").Status.Created {
			t.Errorf("the topic: %+v, the status: %+v", d, b.get("orders").Status)
		}
		if n := b.gate.writes() - before; n != 2 {
			t.Errorf("%d writes: one lets go of the old id, one has the new", n)
		}
		b.untilEvents("orders", "Created", "Missing", "Created")
	})
}

func TestATopicUnderAnotherIDIsNotTouchedUntilAccepted(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers, seldom)
		b.apply("orders", `{partitions: 2, deletionPolicy: Delete, config: {retention.ms: 1000}}`)
		b.until("orders", "True")
		b.halt()
		_, err := b.admin.DeleteTopics(t.Context(), "orders")
		b.must(err)
		testenv.Eventually(t, "it is gone", func() bool { return b.topic("orders") == nil })
		testenv.CreateTopics(t, brokers, 1, "orders")
		id := b.topic("orders").ID
		b.start()
		b.change("orders", `{spec: {config: {retention.ms: 2000}}}`)
		replaced := b.until("orders", "False Replaced")
		if !stalled(replaced) || !strings.Contains(ready(replaced), v1alpha1.AcceptTopicID+"="+id) {
			t.Errorf("got %s", ready(replaced))
		}
		if d := b.topic("orders"); d.Partitions != 1 || b.value("orders", "retention.ms") == "2000" {
			t.Error("another topic was touched")
		}
		b.change("orders", `{metadata: {annotations: {kafka.openorder.io/accept-topic-id: some-other}}}`)
		b.rest()
		if !strings.HasPrefix(ready(b.get("orders")), "False Replaced") {
			t.Error("an annotation that names another id accepts nothing")
		}
		b.change("orders", `{metadata: {annotations: {kafka.openorder.io/accept-topic-id: "`+id+`"}}}`)
		taken := b.until("orders", "True Synced")
		if d := b.topic("orders"); taken.Status.TopicID != id || taken.Status.Created || d.Partitions != 2 || b.value("orders", "retention.ms") != "2000" {
			t.Errorf("the status: %+v", taken.Status)
		}
		b.untilEvents("orders", "Created", "Refused", "Adopted", "ConfigChanged", "PartitionsAdded")
	})
}

func TestDeletionDeletesTheManagedTopicAndNotItsReplacement(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers, seldom)
		b.apply("orders", `{deletionPolicy: Delete}`)
		b.until("orders", "True")
		_, err := b.admin.DeleteTopics(t.Context(), "orders")
		b.must(err)
		testenv.Eventually(t, "it is gone", func() bool { return b.topic("orders") == nil })
		testenv.CreateTopics(t, brokers, 1, "orders")
		b.delete("orders")
		b.untilGone("orders")
		b.rest()
		if b.topic("orders") == nil {
			t.Error("the replacement was deleted")
		}
	})
}

// Each stops the controller, as kill -9 does, between two steps, and starts one that knows nothing.
func TestACrashBetweenTwoStepsForgetsNothing(t *testing.T) {
	t.Parallel()
	crashBefore := func(b *bundle, what string, n int) (crashed chan struct{}) {
		crashed = make(chan struct{})
		b.gate.on(func(now string) {
			if now == what {
				if n--; n == 0 {
					b.gate.close()
					close(crashed)
				}
			}
		})
		return crashed
	}
	t.Run("a key set, the status not written", func(t *testing.T) {
		t.Parallel()
		_, brokers := testenv.FakeKafka(t)
		b := setup(t, brokers)
		b.apply("orders", `{partitions: 1}`)
		b.until("orders", "True")
		crashed := crashBefore(b, "status", 2) // the first records the key, the second is the result
		b.change("orders", `{spec: {config: {retention.ms: 1000}}}`)
		b.await(crashed)
		if b.value("orders", "retention.ms") != "1000" {
			t.Fatal("the key is set by now")
		}
		b.halt()
		b.change("orders", `{spec: {config: null}}`)
		b.start()
		b.until("orders", "True")
		if v := b.value("orders", "retention.ms"); v != "604800000" {
			t.Errorf("a key that this controller set is not reset: %s", v)
		}
	})
	t.Run("a key recorded, and not set", func(t *testing.T) {
		t.Parallel()
		_, brokers := testenv.FakeKafka(t)
		b := setup(t, brokers)
		b.apply("orders", `{partitions: 1}`)
		b.until("orders", "True")
		crashed := crashBefore(b, "status", 1)
		b.change("orders", `{spec: {config: {retention.ms: 1000}}}`)
		b.await(crashed)
		if b.value("orders", "retention.ms") == "1000" {
			t.Fatal("a key is set before it is recorded")
		}
		b.crash()
		b.until("orders", "True")
		if v := b.value("orders", "retention.ms"); v != "1000" {
			t.Errorf("retention.ms is %s", v)
		}
	})
	t.Run("a key reset, the status not written", func(t *testing.T) {
		t.Parallel()
		_, brokers := testenv.FakeKafka(t)
		b := setup(t, brokers)
		b.apply("orders", `{partitions: 1, config: {retention.ms: 1000}}`)
		b.until("orders", "True")
		crashed := crashBefore(b, "status", 1)
		b.change("orders", `{spec: {config: null}}`)
		b.await(crashed)
		b.crash()
		if s := b.until("orders", "True").Status; len(s.ConfigKeys) != 0 {
			t.Errorf("keys enforced: %v", s.ConfigKeys)
		}
	})
	t.Run("a topic made, the status not written", func(t *testing.T) {
		t.Parallel()
		_, brokers := testenv.FakeKafka(t)
		b := setup(t, brokers)
		crashed := crashBefore(b, "status", 1)
		b.apply("orders", `{partitions: 3, deletionPolicy: Delete, config: {retention.ms: 1000}}`)
		b.await(crashed)
		id := b.topic("orders").ID
		b.crash()
		if s := b.until("orders", "True Synced").Status; s.TopicID != id || s.Created {
			t.Errorf("it cannot be told from somebody else's, and is taken over: %+v", s)
		}
		b.delete("orders")
		b.untilGone("orders")
		if b.topic("orders") == nil {
			t.Error("in doubt a topic is kept")
		}
	})
	t.Run("a topic gone, let go of, made again, the status not written", func(t *testing.T) {
		t.Parallel()
		_, brokers := testenv.FakeKafka(t)
		b := setup(t, brokers)
		b.apply("orders", `{partitions: 3}`)
		b.until("orders", "True")
		b.swept("orders", "Synced") // it counts as new no longer
		crashed := crashBefore(b, "status", 2)
		_, err := b.admin.DeleteTopics(t.Context(), "orders")
		b.must(err)
		b.await(crashed)
		if s := b.get("orders").Status; s.TopicID != "" || b.topic("orders") == nil {
			t.Fatalf("the old id is let go of before the topic is made: %+v", s)
		}
		b.crash()
		if s := b.until("orders", "True Synced").Status; s.TopicID != b.topic("orders").ID {
			t.Errorf("it looks like somebody else's: %+v", s)
		}
	})
	t.Run("a topic gone, not yet let go of", func(t *testing.T) {
		t.Parallel()
		_, brokers := testenv.FakeKafka(t)
		b := setup(t, brokers)
		b.apply("orders", `{partitions: 3}`)
		b.until("orders", "True")
		b.swept("orders", "Synced")
		crashed := crashBefore(b, "status", 1)
		_, err := b.admin.DeleteTopics(t.Context(), "orders")
		b.must(err)
		b.await(crashed)
		if b.topic("orders") != nil {
			t.Fatal("the topic is made again before the old id is let go of")
		}
		b.crash()
		testenv.Eventually(t, "it is made again", func() bool {
			d := b.topic("orders")
			return d != nil && b.get("orders").Status.TopicID == d.ID
		})
		b.until("orders", "True Synced")
	})
	t.Run("a topic deleted, the finalizer still there", func(t *testing.T) {
		t.Parallel()
		_, brokers := testenv.FakeKafka(t)
		b := setup(t, brokers)
		b.apply("orders", `{deletionPolicy: Delete}`)
		b.until("orders", "True")
		crashed := crashBefore(b, "finalizer", 1)
		b.delete("orders")
		b.await(crashed)
		if b.topic("orders") != nil {
			t.Fatal("the finalizer goes before the topic")
		}
		testenv.CreateTopics(t, brokers, 1, "orders") // somebody else's, meanwhile
		b.crash()
		b.untilGone("orders")
		if b.topic("orders") == nil {
			t.Error("somebody else's topic was deleted")
		}
	})
	t.Run("the finalizer there, the topic not made", func(t *testing.T) {
		t.Parallel()
		_, brokers := testenv.FakeKafka(t)
		b := setup(t, brokers)
		made := make(chan struct{})
		b.gate.on(func(what string) {
			if what == "finalizer" {
				b.gate.closeAfter()
				close(made)
			}
		})
		testenv.CreateTopics(t, brokers, 1, "other")
		b.apply("orders", `{deletionPolicy: Delete}`)
		b.await(made)
		b.halt()
		b.delete("orders")
		b.start()
		b.untilGone("orders")
		if b.topic("other") == nil {
			t.Error("something was deleted")
		}
		b.untilEvents("orders", "Retained") // Deleted no topic: this resource never managed one.
	})
}

func TestADeletionThatComesBeforeTheStatusStillDeletesTheTopic(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers)
	first := true
	b.gate.on(func(what string) {
		if what == "status" && first {
			first = false
			b.delete("orders") // the status now meets a resource that has changed
		}
	})
	b.apply("orders", `{deletionPolicy: Delete}`)
	b.untilGone("orders")
	testenv.Eventually(t, "the topic is deleted", func() bool { return b.topic("orders") == nil })
}

// Each patch of the finalizer carries the resourceVersion that it answers.
func TestAFinalizerNeverAnswersAResourceThatHasChanged(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers)
	first := true
	b.gate.on(func(what string) {
		if what == "finalizer" && first {
			first = false
			b.change("orders", `{spec: {deletionPolicy: Retain}}`)
		}
	})
	b.apply("orders", `{deletionPolicy: Delete}`)
	if kept := b.until("orders", "True Synced"); len(kept.Finalizers) != 0 {
		t.Errorf("finalizers: %v", kept.Finalizers)
	}
	b.rest()
	if n := b.gate.writes(); n != 1 {
		t.Errorf("%d writes: the finalizer was put on a resource that asks for none", n)
	}
}
