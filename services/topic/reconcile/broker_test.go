package reconcile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openorder/openorder/services/internal/testenv"
)

// The broker is killed with work under way and started again: all of it is done, once, and nothing else is touched.
func TestABrokerKilledAndStartedInTheMiddle(t *testing.T) {
	t.Parallel()
	brokers := testenv.RealKafka(t)
	control := testenv.Brokers(t)
	b := setup(t, brokers)
	b.apply("settled", `{partitions: 1}`)
	id := b.until("settled", "True Synced").Status.TopicID
	version := b.get("settled").ResourceVersion
	const topics = 60
	for i := range topics {
		b.apply(fmt.Sprintf("topic-%d", i), `{partitions: 2, deletionPolicy: Delete, config: {retention.ms: 1000}}`)
		if i == topics/2 {
			control("kill", 1)
		}
	}
	control("start", 1)
	testenv.Eventually(t, "the broker answers", func() bool {
		_, err := b.admin.ListTopics(t.Context())
		return err == nil
	})
	for i := range topics {
		name := fmt.Sprintf("topic-%d", i)
		testenv.Eventually(t, name+" and its topic agree", func() bool {
			s, have := b.until(name, "True Synced").Status, b.topic(name)
			return have != nil && have.ID == s.TopicID
		})
	}
	if r := b.get("settled"); r.ResourceVersion != version || r.Status.TopicID != id || !strings.HasPrefix(ready(r), "True") {
		t.Errorf("a settled resource was changed: %+v", r.Status)
	}
}
