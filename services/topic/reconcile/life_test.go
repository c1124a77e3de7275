package reconcile_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

func TestATopicIsMadeChangedAndKept(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		b.apply("orders", `{topicName: order.created, partitions: 3, replicas: 1, config: {retention.ms: 604800000, cleanup.policy: "compact,delete"}}`)
		made := b.until("orders", "True Synced")
		if have := b.made("order.created"); have.Partitions != 3 {
			t.Errorf("the topic: %+v", have)
		}
		s := made.Status
		if s.TopicName != "order.created" || s.Partitions != 3 || s.Replicas != 1 || s.TopicID == "" || !s.Created ||
			!slices.Equal(s.ConfigKeys, []string{"cleanup.policy", "retention.ms"}) || stalled(made) || len(made.Finalizers) != 0 {
			t.Errorf("the status: %+v", s)
		}
		b.change("orders", `{spec: {partitions: 6, config: {retention.ms: 1e3, cleanup.policy: null}}}`)
		b.until("orders", "True Synced")
		if n := b.topic("order.created").Partitions; n != 6 {
			t.Errorf("%d partitions", n)
		}
		if v := b.value("order.created", "retention.ms"); v != "1000" {
			t.Errorf("retention.ms is %s", v)
		}
		if v := b.value("order.created", "cleanup.policy"); v != "delete" {
			t.Errorf("a key taken out goes back to the default: cleanup.policy is %s", v)
		}
		if keys := b.get("orders").Status.ConfigKeys; !slices.Equal(keys, []string{"retention.ms"}) {
			t.Errorf("keys enforced: %v", keys)
		}
		b.untilEvents("orders", "Created", "ConfigChanged", "PartitionsAdded")
		b.delete("orders")
		b.untilGone("orders")
		b.untilEvents("orders", "Created", "ConfigChanged", "PartitionsAdded", "Retained")
		if b.topic("order.created") == nil {
			t.Error("the default is to keep the topic")
		}
	})
}

func TestWhatIsUnsetIsTheClustersAndLeftAlone(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		b.apply("orders", `{}`)
		made := b.until("orders", "True Synced")
		if made.Status.Partitions != int32(b.made("orders").Partitions) || made.Status.Replicas < 1 {
			t.Errorf("the status: %+v", made.Status)
		}
		b.rest()
		before := b.gate.writes()
		_, err := b.admin.UpdatePartitions(t.Context(), 15, "orders")
		b.must(err)
		b.set("orders", "retention.ms", "5")
		testenv.Eventually(t, "the status shows what the topic has", func() bool { return b.get("orders").Status.Partitions == 15 })
		b.rest()
		if v := b.value("orders", "retention.ms"); v != "5" {
			t.Errorf("a key that was never named was touched: %s", v)
		}
		if n := b.gate.writes() - before; n != 1 {
			t.Errorf("%d writes", n)
		}
		b.untilEvents("orders", "Created")
	})
}

func TestWritesAreCounted(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		count := func(what string, most int, do func()) {
			t.Helper()
			before := b.gate.writes()
			do()
			b.rest()
			if n := b.gate.writes() - before; n > most {
				t.Errorf("%s: %d writes, at most %d", what, n, most)
			}
		}
		count("a create with Retain", 1, func() { b.apply("kept", `{partitions: 1, config: {retention.ms: 1000}}`); b.until("kept", "True") })
		count("a create with Delete", 2, func() { b.apply("gone", `{partitions: 1, deletionPolicy: Delete}`); b.until("gone", "True") })
		count("a changed value", 1, func() { b.change("kept", `{spec: {config: {retention.ms: 2000}}}`); b.until("kept", "True") })
		count("a key more", 2, func() { b.change("kept", `{spec: {config: {max.message.bytes: 2000}}}`); b.until("kept", "True") })
		count("a key less", 1, func() { b.change("kept", `{spec: {config: {max.message.bytes: null}}}`); b.until("kept", "True") })
		count("more partitions", 1, func() { b.change("kept", `{spec: {partitions: 4}}`); b.until("kept", "True") })
		count("drift mended", 0, func() {
			b.set("kept", "retention.ms", "7")
			testenv.Eventually(t, "it is mended", func() bool { return b.value("kept", "retention.ms") == "2000" })
		})
		count("a deletion with Delete", 1, func() { b.delete("gone"); b.untilGone("gone") })
		before := b.gate.requests()
		count("rest", 0, func() { b.rest() })
		if n := b.gate.requests() - before; n != 0 {
			t.Errorf("%d requests at rest", n)
		}
		count("a deletion with Retain", 0, func() { b.delete("kept"); b.untilGone("kept") })
		b.untilEvents("kept", "Created", "ConfigChanged", "ConfigChanged", "ConfigChanged", "PartitionsAdded", "Drifted", "Retained")
		b.untilEvents("gone", "Created", "Deleted")
	})
}

func TestWhatIsThereIsTakenOver(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		testenv.CreateTopics(t, brokers, 3, "orders", "small")
		b.set("orders", "max.message.bytes", "5000")
		id := b.topic("orders").ID
		b.apply("orders", `{partitions: 5, deletionPolicy: Delete, config: {retention.ms: 1000}}`)
		taken := b.until("orders", "True Synced")
		if b.topic("orders").ID != id || b.topic("orders").Partitions != 5 || b.value("orders", "retention.ms") != "1000" || b.value("orders", "max.message.bytes") != "5000" {
			t.Error("the topic is brought to the resource, and not made again")
		}
		if taken.Status.Created || !strings.Contains(ready(taken), "Delete acts as Retain until it is confirmed") {
			t.Errorf("got %s", ready(taken))
		}
		b.apply("small", `{partitions: 2}`)
		if small := b.until("small", "False NotSupported"); !stalled(small) || small.Status.Partitions != 3 {
			t.Errorf("got %+v", small.Status)
		}
		b.change("small", `{spec: {partitions: 3}}`)
		if small := b.until("small", "True"); stalled(small) {
			t.Error("it goes on once corrected")
		}
		b.untilEvents("orders", "Adopted", "ConfigChanged", "PartitionsAdded")
		b.untilEvents("small", "Adopted", "Refused")
		b.delete("orders")
		b.untilGone("orders")
		if b.topic("orders") == nil {
			t.Error("a topic that was there before is deleted without confirmation")
		}
		b.untilEvents("orders", "Adopted", "ConfigChanged", "PartitionsAdded", "Retained")
	})
}

func TestAConfirmedTopicIsDeleted(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		testenv.CreateTopics(t, brokers, 1, "orders")
		b.apply("orders", `{deletionPolicy: Delete}`)
		b.until("orders", "True Synced")
		b.change("orders", `{metadata: {annotations: {kafka.openorder.io/confirm-deletion: orders}}}`)
		testenv.Eventually(t, "the warning goes", func() bool { return !strings.Contains(ready(b.get("orders")), "Retain") })
		b.delete("orders")
		b.untilGone("orders")
		testenv.Eventually(t, "the topic is deleted", func() bool { return b.topic("orders") == nil })
		b.untilEvents("orders", "Adopted", "Deleted")
	})
}

func TestTheFinalizerStandsOnlyWhileDeletionIsAskedFor(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		b.apply("orders", `{deletionPolicy: Delete}`)
		if made := b.until("orders", "True"); !slices.Equal(made.Finalizers, []string{v1alpha1.Finalizer}) {
			t.Errorf("finalizers: %v", made.Finalizers)
		}
		b.change("orders", `{spec: {deletionPolicy: Retain}}`)
		if kept := b.until("orders", "True"); len(kept.Finalizers) != 0 {
			t.Errorf("finalizers: %v", kept.Finalizers)
		}
		b.change("orders", `{spec: {deletionPolicy: Delete}}`)
		b.until("orders", "True")
		b.change("orders", `{spec: {managementPolicy: Observe}}`)
		if watched := b.until("orders", "True Observed"); len(watched.Finalizers) != 0 {
			t.Errorf("finalizers: %v", watched.Finalizers)
		}
		b.delete("orders")
		b.untilGone("orders")
		if b.topic("orders") == nil {
			t.Error("Observe releases without deleting")
		}
	})
}
