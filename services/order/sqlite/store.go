// Package sqlite keeps orders in SQLite, for one process.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"fmt"
	"time"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/order"
)

// Migrations are the schema's versions.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Store is an order.Store.
type Store struct {
	write *sql.DB // one connection: writers queue for it, and transactions begin immediate
	read  *sql.DB
}

// New returns a store in a migrated file.
func New(db *database.SQLite) *Store { return &Store{write: db.Write, read: db.Read} }

var _ order.Store = (*Store)(nil)

const columns = `o.order_id, o.user_id, o.created_at, o.event_id, o.status, o.items, o.trace_parent, o.outcomes`

func scan(rows *sql.Rows) (order.Order, error) {
	var (
		o               order.Order
		created         int64
		event           []byte
		items           string
		trace, outcomes sql.NullString
	)
	if err := rows.Scan(&o.ID, &o.UserID, &created, &event, &o.Status, &items, &trace, &outcomes); err != nil {
		return o, err
	}
	o.CreatedAt, o.TraceParent = time.UnixMicro(created).UTC(), trace.String
	if err := o.EventID.UnmarshalBinary(event); err != nil {
		return o, fmt.Errorf("read the event id of order %d: %w", o.ID, err)
	}
	if err := json.Unmarshal([]byte(items), &o.Items); err != nil {
		return o, fmt.Errorf("read the items of order %d: %w", o.ID, err)
	}
	if outcomes.Valid {
		if err := json.Unmarshal([]byte(outcomes.String), &o.Outcomes); err != nil {
			return o, fmt.Errorf("read the history of order %d: %w", o.ID, err)
		}
	}
	return o, nil
}

// Clock is this machine's.
func (s *Store) Clock(context.Context) (time.Time, error) { return time.Now(), nil }

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

// transaction runs do and commits. Only an error of the commit itself leaves open what happened.
func (s *Store) transaction(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := do(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%w: %w", order.ErrUncertain, err)
	}
	return nil
}

// querier is a transaction or the readers' pool.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// collect runs a query and scans every row.
func collect[T any](ctx context.Context, q querier, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// list is a list of ids as JSON, for json_each.
func list(ids []int64) string {
	text, _ := json.Marshal(ids) // numbers can always be encoded
	return string(text)
}
