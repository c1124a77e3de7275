package order

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// asked is a store that remembers what was asked of watched orders.
type asked struct {
	Store
	questions [][]Seen
}

func (a *asked) Find(_ context.Context, ids []int64) ([]Order, error) {
	return []Order{{ID: ids[0], Status: Pending}}, nil
}

func (a *asked) Changed(_ context.Context, seen []Seen) ([]Order, error) {
	a.questions = append(a.questions, seen)
	return nil, nil
}

func TestNobodyAsksTheDatabaseWhileNobodyWatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &asked{}
		s := New(Config{Store: store, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _ = s.watches.run(ctx) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(store.questions) != 0 {
			t.Errorf("asked %v before anybody watched", store.questions)
		}

		draining := make(chan struct{})
		steps, _, err := s.Watch(ctx, 7, 0, time.Hour, draining)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for range steps {
			}
		}()
		time.Sleep(s.timing.Watch * 3 / 2)
		synctest.Wait()
		question := []Seen{{OrderID: 7, Entries: 1}}
		if diff := cmp.Diff([][]Seen{question, question}, store.questions); diff != "" {
			t.Error("while somebody watches:", diff)
		}

		close(draining)
		synctest.Wait()
		before := len(store.questions)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(store.questions) - before; n != 0 {
			t.Errorf("asked %d times after the last watch was over", n)
		}
	})
}
