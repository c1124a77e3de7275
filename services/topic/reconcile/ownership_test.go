package reconcile_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/reconcile"
)

// twoOwners makes first and then second, which name the same topic; first is the older by a second or by name.
func twoOwners(b *bundle, first, second string) {
	b.Helper()
	b.apply("a-first", first)
	b.until("a-first", "True")
	b.apply("b-second", second)
}

func TestTheOldestOwnsTheTopicAndOthersTouchNothing(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		twoOwners(b, `{topicName: orders, partitions: 2, config: {retention.ms: 1000}}`, `{topicName: orders, partitions: 9, deletionPolicy: Delete, config: {retention.ms: 5}}`)
		loser := b.until("b-second", "False Conflict")
		if !stalled(loser) || loser.Status.TopicID != "" || len(loser.Finalizers) != 0 || !strings.Contains(ready(loser), "a-first") {
			t.Errorf("the loser: %+v", loser)
		}
		b.delete("b-second")
		b.untilGone("b-second")
		b.rest()
		if d := b.topic("orders"); d == nil || d.Partitions != 2 || b.value("orders", "retention.ms") != "1000" {
			t.Error("deleting the loser must touch nothing")
		}
		b.untilEvents("b-second", "Conflict")
		b.untilEvents("a-first", "Created")
	})
}

func TestDeletingTheOwnerHandsTheTopicOver(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		twoOwners(b, `{topicName: orders, partitions: 2, deletionPolicy: Delete}`, `{topicName: orders, deletionPolicy: Delete}`)
		b.until("b-second", "False Conflict")
		id := b.made("orders").ID
		b.delete("a-first")
		b.untilGone("a-first")
		heir := b.until("b-second", "True Synced")
		if d := b.topic("orders"); d == nil || d.ID != id || heir.Status.TopicID != id || stalled(heir) {
			t.Errorf("the topic must never have been deleted: %+v", heir.Status)
		}
		b.untilEvents("a-first", "Created", "Retained")
		b.untilEvents("b-second", "Conflict", "Adopted")
	})
}

func TestWhoeverNamesATopicKeepsItFromBeingDeleted(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"Observe", "Pause"} {
		t.Run(policy, func(t *testing.T) {
			testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
				b := setup(t, brokers)
				twoOwners(b, `{topicName: orders, deletionPolicy: Delete}`, `{topicName: orders, managementPolicy: `+policy+`}`)
				b.delete("a-first")
				b.untilGone("a-first")
				b.rest()
				if b.topic("orders") == nil {
					t.Error("the topic is deleted though another resource names it")
				}
			})
		})
	}
}

// The caches of two namespaces have no order between them: whom a topic belongs to is asked of the API server.
func TestAResourceThatNoCacheShowsKeepsTheTopicFromBeingDeleted(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers, seldom)
		b.apply("orders", `{deletionPolicy: Delete}`)
		b.until("orders", "True")
		// Between the decision to delete and the list, somebody else names the topic.
		b.gate.onRead(func() { b.apply("other", `{topicName: orders, managementPolicy: Observe}`) })
		b.delete("orders")
		b.untilGone("orders")
		if b.topic("orders") == nil {
			t.Error("the topic is deleted though another resource names it")
		}
		b.untilEvents("orders", "Created", "Retained")
	})
}

func TestObserveReportsAndWritesNothing(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		b.apply("orders", `{partitions: 3, managementPolicy: Observe, deletionPolicy: Delete, config: {retention.ms: 1000}}`)
		if missing := b.until("orders", "False Missing"); stalled(missing) || len(missing.Finalizers) != 0 {
			t.Errorf("got %+v", missing)
		}
		testenv.CreateTopics(t, brokers, 2, "orders")
		if s := ready(b.until("orders", "False Drifted")); !strings.Contains(s, "it has 2 partitions, not 3, retention.ms is 604800000, not 1000.") {
			t.Errorf("got %s", s)
		}
		b.halt() // or a sweep in between would tell what is left
		_, err := b.admin.UpdatePartitions(t.Context(), 3, "orders")
		b.must(err)
		b.set("orders", "retention.ms", "1000")
		testenv.Eventually(t, "the brokers show it", func() bool {
			return b.topic("orders").Partitions == 3 && b.value("orders", "retention.ms") == "1000"
		})
		b.start()
		b.until("orders", "True Observed")
		b.rest()
		before := b.gate.requests()
		b.rest()
		if n := b.gate.requests() - before; n != 0 {
			t.Errorf("%d requests at rest", n)
		}
		b.delete("orders")
		b.untilGone("orders")
		if b.topic("orders") == nil {
			t.Error("Observe deletes nothing")
		}
		b.untilEvents("orders", "Missing", "Drifted")
	})
}

// What was managed before Observe is what is managed after it, and what was only observed never was.
func TestObservingTakesNoTopic(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		testenv.CreateTopics(t, brokers, 2, "foreign")
		b.apply("foreign", `{partitions: 2, managementPolicy: Observe, deletionPolicy: Delete}`)
		b.apply("own", `{partitions: 2, deletionPolicy: Delete, config: {retention.ms: 1000}}`)
		b.apply("vanishing", `{partitions: 1, managementPolicy: Observe}`)
		b.until("vanishing", "False Missing")
		testenv.CreateTopics(t, brokers, 1, "vanishing")
		if s := b.until("foreign", "True Observed").Status; s.TopicID != "" || s.Partitions != 2 {
			t.Errorf("observed: %+v", s)
		}
		made := b.until("own", "True Synced").Status
		b.change("own", `{spec: {managementPolicy: Observe}}`)
		if s := b.until("own", "True Observed").Status; s.TopicID != made.TopicID || !s.Created || !slices.Equal(s.ConfigKeys, made.ConfigKeys) {
			t.Errorf("observed: %+v", s)
		}
		b.until("vanishing", "True Observed")
		b.rest()
		before := b.gate.requests()
		b.rest()
		if n := b.gate.requests() - before; n != 0 {
			t.Errorf("%d requests at rest", n)
		}

		_, err := b.admin.DeleteTopics(t.Context(), "own", "vanishing")
		b.must(err)
		b.until("vanishing", "False Missing")
		b.until("own", "False Missing")
		retention := "1000"
		_, err = b.admin.CreateTopic(t.Context(), 2, -1, map[string]*string{"retention.ms": &retention}, "own")
		b.must(err)
		testenv.Eventually(t, "it is shown", func() bool { return b.topic("own") != nil })
		b.until("own", "False Drifted: The topic differs: it has the id "+b.topic("own").ID+", not "+made.TopicID+".")

		for _, name := range []string{"foreign", "own", "vanishing"} {
			b.change(name, `{spec: {managementPolicy: Manage}}`)
		}
		b.until("own", "False Replaced")
		if s := b.until("foreign", "True Synced").Status; s.Created {
			t.Errorf("taken over: %+v", s)
		}
		if s := b.until("vanishing", "True Synced").Status; !s.Created {
			t.Errorf("made: %+v", s)
		}
		b.untilEvents("foreign", "Adopted")
		b.untilEvents("own", "Created", "Missing", "Drifted", "Refused")
		b.untilEvents("vanishing", "Missing", "Missing", "Created")
	})
}

func TestPauseReadsNothingAndHoldsTheDeletion(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		b.apply("orders", `{deletionPolicy: Delete, config: {retention.ms: 1000}}`)
		b.until("orders", "True")
		b.change("orders", `{spec: {managementPolicy: Pause}}`)
		b.until("orders", "Unknown Paused")
		b.swept("orders", "Paused") // none that began before will look
		b.set("orders", "retention.ms", "5")
		before := b.counted("openorder_topic_admin_requests_total", "DescribeConfigs")
		b.change("orders", `{metadata: {annotations: {look: again}}}`)
		b.rest() // some sweeps
		if b.value("orders", "retention.ms") != "5" {
			t.Error("a paused topic was touched")
		}
		if n := b.counted("openorder_topic_admin_requests_total", "DescribeConfigs") - before; n != 0 {
			t.Errorf("a paused topic was read %v times", n)
		}
		b.delete("orders")
		testenv.Eventually(t, "it says that the deletion waits", func() bool { return strings.Contains(ready(b.get("orders")), "The deletion waits while") })
		b.rest()
		b.change("orders", `{spec: {managementPolicy: Manage}}`)
		b.untilGone("orders")
		testenv.Eventually(t, "the topic is deleted", func() bool { return b.topic("orders") == nil })
		b.untilEvents("orders", "Created", "Deleted")
	})
}

func TestWhatANamespaceMayNotNameIsForbidden(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	allow := reconcile.Allow{}
	b := setup(t, brokers, func(o *reconcile.Options) { allow[o.Namespaces[0]] = []string{"orders.", "_"}; o.Allow = allow })
	cases := map[string]struct{ topic, sentence string }{
		"internal": {"__consumer_offsets", "one of the cluster's own topics"},
		"schemas":  {"_schemas", "one of the cluster's own topics"},
		"others":   {"payments", "gives it those that begin with orders."},
	}
	for name, c := range cases {
		b.apply(name, `{topicName: `+c.topic+`, deletionPolicy: Delete}`)
	}
	b.apply("own", `{topicName: orders.v1}`)
	b.until("own", "True Synced")
	for name, c := range cases {
		if got := b.until(name, "False Forbidden"); !stalled(got) || !strings.Contains(ready(got), c.sentence) || len(got.Finalizers) != 0 {
			t.Errorf("%s: %s", name, ready(got))
		}
		b.untilEvents(name, "Refused")
		b.delete(name)
		b.untilGone(name)
		if c.topic != "__consumer_offsets" && b.topic(c.topic) != nil {
			t.Errorf("%s was made", c.topic)
		}
	}
}

// Some brokers have topics of their own with ordinary names, and say so.
func TestATopicThatTheBrokersCallInternalIsForbidden(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	testenv.CreateTopics(t, brokers, 1, "schemas")
	fake.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		if asked := req.(*kmsg.MetadataRequest).Topics; len(asked) != 1 || *asked[0].Topic != "schemas" {
			return nil, nil, false
		}
		shown := kmsg.NewMetadataResponseTopic()
		shown.Topic, shown.TopicID, shown.IsInternal = kmsg.StringPtr("schemas"), fake.TopicInfo("schemas").TopicID, true
		shown.Partitions = []kmsg.MetadataResponseTopicPartition{{Replicas: []int32{0}}}
		return metadata(fake, req, shown), nil, true
	})
	b := setup(t, brokers)
	b.apply("schemas", `{deletionPolicy: Delete, config: {retention.ms: 1}}`)
	if got := b.until("schemas", "False Forbidden: schemas is one of the cluster's own topics."); !stalled(got) || len(got.Finalizers) != 0 || got.Status.TopicID != "" {
		t.Errorf("got %+v", got)
	}
	b.rest() // some sweeps
	if n := b.gate.writes(); n != 1 {
		t.Errorf("%d writes: it is said once, and no finalizer comes and goes", n)
	}
	b.delete("schemas")
	b.untilGone("schemas")
	if b.value("schemas", "retention.ms") == "1" {
		t.Error("it was touched")
	}
}
