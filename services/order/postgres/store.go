// Package postgres keeps orders in PostgreSQL.
package postgres

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/order"
)

// Migrations are the schema's versions.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Store is an order.Store.
type Store struct{ pool *pgxpool.Pool }

// New returns a store in a migrated schema, which is first on the pool's search path.
func New(pool *pgxpool.Pool) *Store { return &Store{pool} }

var _ order.Store = (*Store)(nil)

const columns = `o.order_id, o.user_id, o.created_at, o.event_id, o.status, o.items, o.trace_parent, o.outcomes`

func scan(row pgx.CollectableRow) (order.Order, error) {
	var (
		o               order.Order
		items           []byte
		trace, outcomes *string
	)
	if err := row.Scan(&o.ID, &o.UserID, &o.CreatedAt, (*[16]byte)(&o.EventID), &o.Status, &items, &trace, &outcomes); err != nil {
		return o, err
	}
	o.CreatedAt = o.CreatedAt.UTC()
	if trace != nil {
		o.TraceParent = *trace
	}
	if err := json.Unmarshal(items, &o.Items); err != nil {
		return o, fmt.Errorf("read the items of order %d: %w", o.ID, err)
	}
	if outcomes != nil {
		if err := json.Unmarshal([]byte(*outcomes), &o.Outcomes); err != nil {
			return o, fmt.Errorf("read the history of order %d: %w", o.ID, err)
		}
	}
	return o, nil
}

// Clock is the database's.
func (s *Store) Clock(ctx context.Context) (now time.Time, err error) {
	err = s.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now)
	return now, failed("ask for the time", err)
}

// failed says what was tried, and marks what the database refused.
func failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	if database.Refused(err) {
		return fmt.Errorf("%s: %w: %w", doing, order.ErrRefused, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// uncertain marks an error that leaves open whether what was sent took effect: everything but the server's plain refusal
// (a FATAL may come after the commit) and what was never sent.
func uncertain(err error) error {
	var verdict *pgconn.PgError
	if err == nil || pgconn.SafeToRetry(err) || (errors.As(err, &verdict) && verdict.SeverityUnlocalized == "ERROR") {
		return err
	}
	return fmt.Errorf("%w: %w", order.ErrUncertain, err)
}

// orders runs a query for columns.
func (s *Store) orders(ctx context.Context, doing, sql string, args ...any) ([]order.Order, error) {
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, failed(doing, err)
	}
	found, err := pgx.CollectRows(rows, scan)
	return found, failed(doing, err)
}
