// Package postgres keeps the notification ledger in PostgreSQL.
package postgres

import (
	"context"
	"embed"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/openorder/openorder/services/notification"
)

// Migrations are goose's SQL files.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Ledger is the notification ledger. All its times are the database's, so that replicas need not agree on theirs.
type Ledger struct{ pool *pgxpool.Pool }

// New returns the ledger in a migrated database.
func New(pool *pgxpool.Pool) *Ledger { return &Ledger{pool: pool} }

// Register writes down who is told, so that a receiver that is configured no more can still be shown.
func (l *Ledger) Register(ctx context.Context, receivers []notification.Receiver) error {
	for _, r := range receivers {
		_, err := l.pool.Exec(ctx, `
			INSERT INTO notification_receivers (receiver, address) VALUES ($1, $2)
			ON CONFLICT (receiver) DO UPDATE SET address = excluded.address
			WHERE notification_receivers.address <> excluded.address`, r.ID, r.Address)
		if err != nil {
			return fmt.Errorf("register receiver %s: %w", r.ID, err)
		}
	}
	return nil
}

const columns = `order_id, status, receiver, reason, occurred_at, traceparent, state, attempts, due_at, last_error, created_at, changed_at`

func scan(row pgx.CollectableRow) (notification.Notification, error) {
	var n notification.Notification
	err := row.Scan(&n.OrderID, &n.Status, &n.Receiver, &n.Reason, &n.At, &n.TraceParent, &n.State, &n.Attempts, &n.DueAt,
		&n.LastError, &n.CreatedAt, &n.ChangedAt)
	n.At, n.DueAt, n.CreatedAt, n.ChangedAt = n.At.UTC(), n.DueAt.UTC(), n.CreatedAt.UTC(), n.ChangedAt.UTC()
	return n, err
}
