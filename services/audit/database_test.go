package audit

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

// eachDatabase runs a test over an order service's empty database.
func eachDatabase(t *testing.T, test func(t *testing.T, w *world)) {
	for name, postgres := range map[string]bool{"sqlite": false, "postgresql": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, brokers := testenv.FakeKafka(t)
			test(t, newWorld(t, brokers, postgres))
		})
	}
}

func orders(t *testing.T, s *snapshot) (count int) {
	t.Helper()
	for _, err := range stream(t.Context(), s, ordersQuery, nil, scanOrder) {
		if err != nil {
			t.Fatal(err)
		}
		count++
	}
	return count
}

func TestASnapshotNeverChangesAndIsSharedBetweenServicesOfOneDatabase(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, w *world) {
		place := func(id int64) { w.live(map[int64]life{id: {order: pending}}, nil) }
		place(1)
		first, err := openSnapshot(t.Context(), "notification", w.urls["order"], nil)
		if err != nil {
			t.Fatal(err)
		}
		defer first.close()
		place(2)
		same, err := openSnapshot(t.Context(), "order", w.urls["order"], []*snapshot{first})
		if err != nil {
			t.Fatal(err)
		}
		defer same.close()
		later, err := openSnapshot(t.Context(), "order", w.urls["order"], nil)
		if err != nil {
			t.Fatal(err)
		}
		defer later.close()
		if orders(t, first) != 1 || orders(t, same) != 1 || orders(t, later) != 2 {
			t.Errorf("%d, %d and %d orders", orders(t, first), orders(t, same), orders(t, later))
		}
	})
}

func TestASnapshotCannotWrite(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, w *world) {
		s, err := openSnapshot(t.Context(), "order", w.urls["order"], nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		write := query{`DELETE FROM order_service.orders`, `DELETE FROM orders`}
		if err := s.ask(t.Context(), write, nil, func(rows) error { return nil }); err == nil {
			t.Error("it did")
		}
	})
}

func TestWhatCannotBeLookedAtIsNoVerdict(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	w := newWorld(t, brokers, false)
	sound := w.config()
	for name, change := range map[string]func(*Config){
		"no such database":           func(c *Config) { c.Order = "sqlite:" + filepath.Join(t.TempDir(), "nothing.db") },
		"another service's database": func(c *Config) { c.Order = c.Inventory },
		"a URL with a password":      func(c *Config) { c.Order = "postgres://me:hidden@127.0.0.1:1/%zz" },
		"topics that do not exist": func(c *Config) {
			_, empty := testenv.FakeKafka(t)
			c.Kafka = kafka.Config{Brokers: empty.Brokers}
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := sound
			change(&config)
			_, err := Run(t.Context(), config)
			if err == nil || strings.Contains(err.Error(), "hidden") {
				t.Errorf("got %v", err)
			}
		})
	}
}
