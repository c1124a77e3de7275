package reconcile_test

import (
	"testing"

	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// What was set on a topic that is gone says nothing of the one that took its place.
func TestAKeyOfTheTopicBeforeIsNotResetOnItsReplacement(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers, seldom)
	b.apply("orders", `{config: {retention.ms: 1000}}`)
	b.until("orders", "True")
	b.halt()
	_, err := b.admin.DeleteTopics(t.Context(), "orders")
	b.must(err)
	testenv.CreateTopics(t, brokers, 1, "orders")
	b.set("orders", "retention.ms", "77")
	id := b.topic("orders").ID
	b.change("orders", `{spec: {config: null}, metadata: {annotations: {`+v1alpha1.AcceptTopicID+`: "`+id+`"}}}`)
	b.start()
	taken := b.until("orders", "True Synced")
	if v := b.value("orders", "retention.ms"); v != "77" {
		t.Errorf("a key that was never enforced on this topic is reset: %s", v)
	}
	if keys := taken.Status.ConfigKeys; len(keys) != 0 {
		t.Errorf("keys enforced: %v", keys)
	}
}

// A topic that is gone, and that somebody else makes again before the controller does.
func TestAKeyOfTheTopicBeforeIsNotResetOnOneThatSomebodyElseMade(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers)
	b.apply("orders", `{config: {retention.ms: 1000}}`)
	b.until("orders", "True")
	b.halt()
	_, err := b.admin.DeleteTopics(t.Context(), "orders")
	b.must(err)
	b.change("orders", `{spec: {config: null}}`)
	b.start()
	first := true
	b.gate.on(func(what string) {
		if what == "status" && first { // which lets go of the topic that is gone
			first = false
			testenv.CreateTopics(t, brokers, 1, "orders")
			b.set("orders", "retention.ms", "77")
		}
	})
	b.until("orders", "True Synced")
	if v := b.value("orders", "retention.ms"); v != "77" {
		t.Errorf("a key that was never enforced on this topic is reset: %s", v)
	}
}

// The resource changes between the topic's creation and the status that says which keys it was made with.
func TestAKeyTakenOutWhileItsTopicIsMadeIsReset(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers)
	first := true
	b.gate.on(func(what string) {
		if what == "status" && first {
			first = false
			b.change("orders", `{spec: {config: {retention.ms: null}}}`)
		}
	})
	b.apply("orders", `{partitions: 1, config: {retention.ms: 1000, max.message.bytes: 5000}}`)
	made := b.until("orders", "True Synced")
	if v := b.value("orders", "retention.ms"); v != "604800000" {
		t.Errorf("a key that this controller set is not reset: %s", v)
	}
	if keys := made.Status.ConfigKeys; len(keys) != 1 || !made.Status.Created {
		t.Errorf("the status: %+v", made.Status)
	}
}
