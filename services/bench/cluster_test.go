package bench

import (
	"errors"
	"strings"
	"testing"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

func TestFilledTopicOutlivesTheOutcomesThatAreMadeAnew(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		k := testCluster(t, brokers)
		if err := errors.Join(k.renew(t.Context()), k.fill(t.Context(), 500, spread(10)), k.renewOutcomes(t.Context())); err != nil {
			t.Fatal(err)
		}
		for topic, want := range map[string]int64{event.TopicOrderCreated: 500, event.TopicInventoryReserved: 0} {
			if got, err := k.records(t.Context(), topic); got != want || err != nil {
				t.Errorf("%s holds %d records (%v), want %d", topic, got, err, want)
			}
		}
	})
}

func TestClusterInUseIsRefusedAndLeftAsItIs(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		k := testCluster(t, brokers)
		if err := errors.Join(k.renew(t.Context()), k.fill(t.Context(), 3, spread(1))); err != nil {
			t.Fatal(err)
		}
		err := testCluster(t, brokers).claim(t.Context(), false)
		if err == nil || !strings.Contains(err.Error(), "order.created (3 records)") || !strings.Contains(err.Error(), "--force") {
			t.Errorf("got %v, want a refusal that says what is there and how to go on", err)
		}
		if got, err := k.records(t.Context(), event.TopicOrderCreated); got != 3 || err != nil {
			t.Errorf("%d of 3 records are left (%v)", got, err)
		}
		if err := k.claim(t.Context(), true); err != nil {
			t.Fatalf("with --force: %v", err)
		}
		if _, err := k.records(t.Context(), event.TopicOrderCreated); err == nil {
			t.Error("with --force, order.created is still there")
		}
	})
}

func testCluster(t *testing.T, brokers kafka.Config) *cluster {
	t.Helper()
	k, err := newCluster(brokers, 3, -1)
	if err != nil {
		t.Fatal(err)
	}
	k.stop = func() error { return nil }
	t.Cleanup(k.client.Close)
	return k
}
