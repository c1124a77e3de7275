package order_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/order"
	"github.com/openorder/openorder/services/order/storetest"
)

// watched ranges over a watch in the background.
func watched(t *testing.T, s *order.Service, id int64, seen int, beat time.Duration, until <-chan struct{}) <-chan order.Step {
	t.Helper()
	steps, found, err := s.Watch(t.Context(), id, seen, beat, until)
	if err != nil || !found {
		t.Fatalf("watch: found %v, %v", found, err)
	}
	out := make(chan order.Step, 100)
	go func() {
		defer close(out)
		for step := range steps {
			out <- step
		}
	}()
	return out
}

type brief struct {
	Seq    int
	Kind   order.Kind
	Status order.Status
}

func collect(t *testing.T, steps <-chan order.Step) []brief {
	t.Helper()
	var all []brief
	timeout := time.After(time.Minute)
	for {
		select {
		case step, open := <-steps:
			if !open {
				return all
			}
			all = append(all, brief{step.Seq, step.Kind, step.Status})
		case <-timeout:
			t.Fatalf("the stream does not end; so far: %v", all)
		}
	}
}

var fullHistory = []brief{
	{1, order.Placed, order.Pending}, {2, order.DeadLettered, order.Failed}, {3, order.WasReserved, order.Reserved},
}

func TestAWatchShowsChangesWhicheverReplicaAppliesThem(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, storeA, storeB order.Store) {
		a, b := prepare(storeA, &broker{}, quick), prepare(storeB, &broker{}, quick)
		a.start(t)
		b.start(t)
		id := mustPlace(t, a.Service, request(1))
		o := mustGet(t, a.Service, id)
		onA, onB := watched(t, a.Service, id, 0, time.Hour, nil), watched(t, b.Service, id, 0, time.Hour, nil)
		for _, steps := range []<-chan order.Step{onA, onB} {
			if step := <-steps; step.Seq != 1 || step.Status != order.Pending {
				t.Fatalf("begins with %+v", step)
			}
		}
		mustReport(t, b.Service, report(o, order.DeadLettered, "letter"))
		for _, steps := range []<-chan order.Step{onA, onB} {
			if step := <-steps; step.Seq != 2 || step.Status != order.Failed {
				t.Fatalf("goes on with %+v", step)
			}
		}
		mustReport(t, a.Service, report(o, order.WasReserved, "outcome"))
		for _, steps := range []<-chan order.Step{onA, onB} {
			if diff := cmp.Diff(fullHistory[2:], collect(t, steps)); diff != "" {
				t.Fatal(diff)
			}
		}
		if diff := cmp.Diff(fullHistory, collect(t, watched(t, b.Service, id, 0, time.Hour, nil))); diff != "" {
			t.Fatal("a finished order's whole history:", diff)
		}
		if diff := cmp.Diff(fullHistory[2:], collect(t, watched(t, b.Service, id, 2, time.Hour, nil))); diff != "" {
			t.Fatal("resumed after 2:", diff)
		}
	})
}

// A client may have seen what a failover of the database has lost since.
func TestAWatchShowsWhatIsToComeToWhoHasSeenMoreThanThereIs(t *testing.T) {
	t.Parallel()
	b := setup(t, quick)
	id := mustPlace(t, b.Service, request(1))
	steps := watched(t, b.Service, id, 7, time.Hour, nil)
	mustReport(t, b.Service, report(mustGet(t, b.Service, id), order.WasReserved, "outcome"))
	if diff := cmp.Diff([]brief{{2, order.WasReserved, order.Reserved}}, collect(t, steps)); diff != "" {
		t.Fatal(diff)
	}
}

func TestAWatchBeatsWhileNothingHappens(t *testing.T) {
	t.Parallel()
	b := setup(t, quick)
	steps := watched(t, b.Service, mustPlace(t, b.Service, request(1)), 0, time.Millisecond, nil)
	<-steps
	for range 3 {
		if beat := <-steps; beat.Seq != 0 {
			t.Fatalf("want a beat, got %+v", beat)
		}
	}
}

func TestAWatchEndsWhenTheServiceDrains(t *testing.T) {
	t.Parallel()
	b := setup(t, quick)
	draining := make(chan struct{})
	steps := watched(t, b.Service, mustPlace(t, b.Service, request(1)), 0, time.Hour, draining)
	close(draining)
	if got := collect(t, steps); len(got) != 1 {
		t.Fatalf("got %v", got)
	}
}

func TestWatchingAnUnknownOrder(t *testing.T) {
	t.Parallel()
	b := setup(t, quick)
	if _, found, err := b.Watch(t.Context(), 12345, 0, time.Hour, nil); found || err != nil {
		t.Fatalf("found %v, %v", found, err)
	}
}
