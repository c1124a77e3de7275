// Package sqlite keeps the notification ledger in SQLite, for one process.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"time"

	"github.com/openorder/openorder/services/notification"
)

// Migrations are goose's SQL files.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Ledger is the notification ledger.
type Ledger struct{ write, read *sql.DB }

// New returns the ledger in a migrated database. write must have a single connection.
func New(write, read *sql.DB) *Ledger { return &Ledger{write: write, read: read} }

// Register writes down who is told, so that a receiver that is configured no more can still be shown.
func (l *Ledger) Register(ctx context.Context, receivers []notification.Receiver) error {
	for _, r := range receivers {
		_, err := l.write.ExecContext(ctx, `
			INSERT INTO notification_receivers (receiver, address) VALUES (?, ?)
			ON CONFLICT (receiver) DO UPDATE SET address = excluded.address`, r.ID, r.Address)
		if err != nil {
			return fmt.Errorf("register receiver %s: %w", r.ID, err)
		}
	}
	return nil
}

// transact runs a function in a transaction on the one writing connection.
func (l *Ledger) transact(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := l.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

const columns = `order_id, status, receiver, reason, occurred_at, traceparent, state, attempts, due_at, last_error, created_at, changed_at`

func collect(rows *sql.Rows, err error) ([]notification.Notification, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []notification.Notification
	for rows.Next() {
		var n notification.Notification
		var occurred, due, created, changed int64
		err := rows.Scan(&n.OrderID, &n.Status, &n.Receiver, &n.Reason, &occurred, &n.TraceParent, &n.State, &n.Attempts, &due,
			&n.LastError, &created, &changed)
		if err != nil {
			return nil, err
		}
		n.At, n.DueAt = fromMicro(occurred), fromMicro(due)
		n.CreatedAt, n.ChangedAt = fromMicro(created), fromMicro(changed)
		found = append(found, n)
	}
	return found, rows.Err()
}

func now() int64 { return time.Now().UnixMicro() }

func fromMicro(t int64) time.Time { return time.UnixMicro(t).UTC() }

func fromNullMicro(t sql.NullInt64) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return fromMicro(t.Int64)
}
