package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/inventory"
	"github.com/openorder/openorder/services/inventory/postgres"
	"github.com/openorder/openorder/services/inventory/storetest"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// shop is a database with 10 of A and of B.
type shop struct {
	*postgres.Store
	*testing.T
	url  string
	pool *pgxpool.Pool
}

func newShop(t *testing.T) *shop {
	t.Helper()
	t.Parallel()
	s := &shop{T: t, url: testenv.PostgreSQL(t)}
	s.pool = storetest.Open(t, s.url).PostgreSQL
	s.Store = postgres.New(s.pool)
	for _, sku := range []string{"A", "B"} {
		if _, _, err := s.SetStock(t.Context(), sku, 10, inventory.Precondition{}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *shop) order(id int64, sku string) inventory.Order {
	return storetest.NewOrder(s, id, event.Item{SKU: sku, Qty: 1})
}

func (s *shop) reserve(orders ...inventory.Order) []inventory.Result {
	s.Helper()
	results, err := s.Reserve(s.Context(), orders, inventory.Rules{At: noon.Add(time.Hour)})
	if err != nil {
		s.Error(err)
	}
	return results
}

// unhurried reserves, and tries again where a lock was not given in time: a server that is slow is no deadlock.
func (s *shop) unhurried(orders ...inventory.Order) {
	const lockNotAvailable = "55P03"
	for {
		_, err := s.Reserve(s.Context(), orders, inventory.Rules{At: noon.Add(time.Hour)})
		if refusal, ok := errors.AsType[*pgconn.PgError](err); ok && refusal.Code == lockNotAvailable {
			continue
		}
		if err != nil {
			s.Error(err)
		}
		return
	}
}

// oldOwner is a transaction of a version that does not queue with ours, or of somebody with psql.
func (s *shop) oldOwner(statements ...string) pgx.Tx {
	s.Helper()
	tx, err := s.pool.Begin(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	for _, statement := range statements {
		if _, err := tx.Exec(s.Context(), statement); err != nil {
			s.Fatal(err)
		}
	}
	return tx
}

func insert(order inventory.Order) string {
	return fmt.Sprintf(`INSERT INTO reservations (order_id, decided_at, fingerprint, items) VALUES (%d, '2026-05-01T12:00:00Z', '\x%x', '{}')`, order.ID, order.Fingerprint)
}

// waiting waits until a backend of this database waits for a lock.
func (s *shop) waiting() {
	s.Helper()
	testenv.Eventually(s, "somebody waits for a lock", func() bool {
		var count int
		err := s.pool.QueryRow(s.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&count)
		return err == nil && count > 0
	})
}

func (s *shop) wantReserved(sku string, want int64) {
	s.Helper()
	if stock, err := s.Stock(s.Context(), sku); err != nil || stock.Reserved != want {
		s.Errorf("%s: %+v, %v; want %d reserved", sku, stock, err, want)
	}
}

func TestAnOldOwnersCommitIsSeenOnceItsStockIsLocked(t *testing.T) {
	s := newShop(t)
	order := s.order(1, "A")
	owner := s.oldOwner(`SELECT FROM stock WHERE sku = 'A' FOR UPDATE`, insert(order), `UPDATE stock SET reserved = 1 WHERE sku = 'A'`)
	done := make(chan []inventory.Result, 1)
	go func() { done <- s.reserve(order) }()
	s.waiting()
	if err := owner.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if result := (<-done)[0]; result.New || !result.Outcome.At.Equal(noon) {
		t.Errorf("got %+v, want the old owner's outcome", result)
	}
	s.wantReserved("A", 1)
}

func TestAnOutcomeWrittenMeanwhileMeansDecidedAlready(t *testing.T) {
	s := newShop(t)
	order := s.order(1, "A")
	owner := s.oldOwner(insert(order)) // without any lock on stock
	done := make(chan []inventory.Result, 1)
	go func() { done <- s.reserve(order, s.order(2, "A")) }()
	s.waiting()
	if err := owner.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	results := <-done
	if results[0].New || !results[0].Outcome.At.Equal(noon) || !results[1].New {
		t.Errorf("got %+v, want the first decided by the owner, the second now", results)
	}
	s.wantReserved("A", 1)
}

func TestStockIsLockedInTheOrderOfSKUs(t *testing.T) {
	s := newShop(t)
	var writers sync.WaitGroup
	for n := range int64(4) {
		writers.Go(func() {
			for i := range int64(5) {
				s.unhurried(s.order(n*100+2*i+1, "B"), s.order(n*100+2*i+2, "A"))
			}
		})
		writers.Go(func() { // others who keep to that order, and do not queue
			for range 5 {
				tx, err := s.pool.Begin(s.Context())
				if err == nil {
					_, err = tx.Exec(s.Context(), `SET LOCAL lock_timeout = 0`)
				}
				if err == nil {
					_, err = tx.Exec(s.Context(), `SELECT FROM stock WHERE sku = 'A' FOR UPDATE`)
				}
				if err == nil {
					_, err = tx.Exec(s.Context(), `SELECT FROM stock WHERE sku = 'B' FOR UPDATE`)
				}
				if err == nil {
					err = tx.Commit(s.Context())
				}
				if err != nil {
					s.Error(err)
				}
			}
		})
	}
	writers.Wait()
	s.wantReserved("A", 10)
	s.wantReserved("B", 10)
}
