package reconcile_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// kstatus is how waiting tools (Helm's --wait, Flux, kpt) read a resource, by the rules of sigs.k8s.io/cli-utils.
func kstatus(resource *v1alpha1.KafkaTopic) string {
	conditions := resource.Status.Conditions
	switch {
	case resource.Deleting():
		return "Terminating"
	case resource.Status.ObservedGeneration != resource.Generation:
		return "InProgress"
	case meta.IsStatusConditionTrue(conditions, "Stalled"):
		return "Failed"
	case meta.IsStatusConditionPresentAndEqual(conditions, "Ready", metav1.ConditionTrue):
		return "Current"
	}
	return "InProgress"
}

func TestToolsThatWaitReadAResourceAsItIs(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers, seldom)
	reads := func(name, want string) {
		t.Helper()
		if got := kstatus(b.get(name)); got != want {
			t.Errorf("%s reads as %s, not %s: %s", name, got, want, ready(b.get(name)))
		}
	}
	b.apply("good", `{}`)
	b.until("good", "True Synced")
	reads("good", "Current")
	b.apply("bad", `{config: {retention.ms: []}}`)
	b.until("bad", "False Invalid")
	reads("bad", "Failed") // at once, not when their time is over
	b.apply("greedy", `{replicas: 99}`)
	b.until("greedy", "False NotEnoughBrokers")
	reads("greedy", "InProgress") // brokers may come

	b.halt() // nobody answers what comes now
	b.change("good", `{spec: {partitions: 20}}`)
	reads("good", "InProgress")
	b.change("bad", `{spec: {config: null}}`)
	reads("bad", "InProgress")
	b.apply("new", `{}`)
	reads("new", "InProgress")
}
