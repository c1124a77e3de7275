package reconcile_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/openorder/openorder/services/internal/testenv"
)

func TestEventsAreToldOnceTheStatusStands(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers)
	var mu sync.Mutex
	var order []string
	b.gate.on(func(what string) {
		mu.Lock()
		defer mu.Unlock()
		if what != "watch" {
			order = append(order, what)
		}
	})
	b.apply("orders", `{partitions: 1, deletionPolicy: Delete}`)
	b.until("orders", "True Synced")
	b.untilEvents("orders", "Created")
	b.delete("orders")
	b.untilGone("orders")
	b.untilEvents("orders", "Created", "Deleted")
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"finalizer", "status", "event", "finalizer", "event"}; !slices.Equal(order, want) {
		t.Errorf("written: %v, want %v", order, want)
	}
}

func TestAControllerThatIsStoppedTellsWhatItsLastPassesDid(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers)
	b.gate.on(func(what string) {
		if what == "status" {
			b.stop()
		}
	})
	b.apply("orders", `{partitions: 1}`)
	b.until("orders", "True Synced")
	b.halt()
	b.untilEvents("orders", "Created")
}
