package reconcile_test

import (
	"testing"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

func TestEveryKindOfDriftIsCounted(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		testenv.CreateTopics(t, brokers, 2, "observed", "vanishing")
		b.apply("observed", `{partitions: 2, managementPolicy: Observe, config: {retention.ms: 604800000}}`)
		b.apply("vanishing", `{managementPolicy: Observe}`)
		b.until("observed", "True Observed")
		b.until("vanishing", "True Observed")
		for _, name := range []string{"set-back", "grown", "gone", "replaced"} {
			b.apply(name, `{partitions: 2, config: {retention.ms: 1000}}`)
			b.until(name, "True Synced")
			b.swept(name, "Synced") // its topic counts as new no longer
		}
		b.rest()
		earlier := 0.0 // by controllers before this one
		drift := func() float64 { return earlier + b.counted("openorder_topic_drift_total") }
		counts := func(what string, want float64, do func()) {
			t.Helper()
			do()
			testenv.Eventually(t, what+" is counted", func() bool { return drift() >= want })
			b.rest()
			if got := drift(); got != want {
				t.Fatalf("%s: %v, not %v", what, got, want)
			}
		}
		remove := func(name string) {
			_, err := b.admin.DeleteTopics(t.Context(), name)
			b.must(err)
			testenv.Eventually(t, "it is gone", func() bool { return b.topic(name) == nil })
		}
		counts("nothing", 0, func() {})
		counts("a value", 1, func() { b.set("set-back", "retention.ms", "7") })
		counts("more partitions", 2, func() { _, err := b.admin.UpdatePartitions(t.Context(), 4, "grown"); b.must(err) })
		counts("a topic that is gone", 3, func() { remove("gone") })
		counts("a topic that is another", 4, func() {
			b.halt() // or it would be missed, and made again, where the brokers take their time
			earlier = drift()
			remove("replaced")
			testenv.CreateTopics(t, brokers, 2, "replaced")
			b.start()
		})
		counts("a value, observed", 5, func() { b.set("observed", "retention.ms", "7") })
		counts("an absence, observed", 6, func() { remove("vanishing") })
	})
}
