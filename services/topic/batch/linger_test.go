package batch_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/topic/batch"
)

// sizes asks questions at these times after the start, each batch takes a second to answer, and returns how many questions
// each batch had, and when it was begun. Time is synctest's.
func sizes(linger time.Duration, asked ...time.Duration) (sizes []int, began []time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	start := time.Now()
	b := &batch.Batcher[int, int]{Context: ctx, Most: 100, Linger: linger}
	b.Run = func(_ context.Context, questions []int) []batch.Answer[int] {
		sizes, began = append(sizes, len(questions)), append(began, time.Since(start))
		time.Sleep(time.Second)
		return make([]batch.Answer[int], len(questions))
	}
	var askers sync.WaitGroup
	for i, at := range asked {
		askers.Go(func() {
			time.Sleep(at)
			_, _ = b.Ask(ctx, i)
		})
	}
	askers.Wait()
	return sizes, began
}

func TestEachBatchWaitsForCompanyWhereBatchesAreDear(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const ms = time.Millisecond
		n, began := sizes(150*ms, 0, 100*ms, 149*ms, 500*ms, 1250*ms, 5*time.Second)
		if diff := cmp.Diff([]int{3, 2, 1}, n); diff != "" {
			t.Errorf("questions of each batch (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff([]time.Duration{150 * ms, 1300 * ms, 5150 * ms}, began); diff != "" {
			t.Errorf("begun (-want +got)\n%s", diff)
		}
	})
}

func TestOtherwiseOnlyTheFirstWaitsForAMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const ms = time.Millisecond
		n, began := sizes(0, 0, 2*ms, 500*ms, 1002*ms)
		if diff := cmp.Diff([]int{2, 2}, n); diff != "" {
			t.Errorf("questions of each batch (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff([]time.Duration{3 * ms, 1003 * ms}, began); diff != "" {
			t.Errorf("begun (-want +got)\n%s", diff)
		}
	})
}
