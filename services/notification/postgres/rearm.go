package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/openorder/openorder/services/notification"
)

// rearmStep is how many notifications are re-armed in one transaction.
const rearmStep = 1000

// Rearm makes a given-up or gone notification due again, with all its attempts, and its receiver worth trying.
func (l *Ledger) Rearm(ctx context.Context, id notification.ID) (notification.Notification, error) {
	var n notification.Notification
	err := pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		if err := revive(ctx, tx, id.Receiver); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			UPDATE notifications SET state = 'pending', attempts = 0, due_at = now(), changed_at = now()
			WHERE order_id = $1 AND status = $2 AND receiver = $3 AND state IN ('given_up', 'gone') RETURNING `+columns,
			id.OrderID, string(id.Status), id.Receiver)
		if err != nil {
			return err
		}
		n, err = pgx.CollectExactlyOneRow(rows, scan)
		if errors.Is(err, pgx.ErrNoRows) {
			return whyNot(ctx, tx, id)
		}
		return err
	})
	if err != nil {
		return n, fmt.Errorf("re-arm %s: %w", id, err)
	}
	return n, nil
}

func whyNot(ctx context.Context, tx pgx.Tx, id notification.ID) error {
	var exists bool
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM notifications WHERE order_id = $1 AND status = $2 AND receiver = $3)`,
		id.OrderID, string(id.Status), id.Receiver).Scan(&exists)
	switch {
	case err != nil:
		return err
	case exists:
		return notification.ErrNotEnded
	default:
		return notification.ErrNotFound
	}
}

func revive(ctx context.Context, tx pgx.Tx, receiver string) error {
	_, err := tx.Exec(ctx, `
		UPDATE notification_receivers SET gone_at = NULL, resume_at = NULL
		WHERE receiver = $1 AND (gone_at IS NOT NULL OR resume_at IS NOT NULL)`, receiver)
	return err
}

// RearmReceiver does the same for all of a receiver's notifications, and returns how many there were.
func (l *Ledger) RearmReceiver(ctx context.Context, receiver string) (int64, error) {
	var exists bool
	err := pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		if err := revive(ctx, tx, receiver); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM notification_receivers WHERE receiver = $1)`, receiver).Scan(&exists)
	})
	if err == nil && !exists {
		err = notification.ErrNotFound
	}
	var total int64
	for more := err == nil; more; {
		var step int64
		step, err = l.rearmSome(ctx, receiver)
		total += step
		more = err == nil && step == rearmStep
	}
	if err != nil {
		return total, fmt.Errorf("re-arm receiver %s: %w", receiver, err)
	}
	return total, nil
}

func (l *Ledger) rearmSome(ctx context.Context, receiver string) (int64, error) {
	tag, err := l.pool.Exec(ctx, `
		WITH ended AS (
			SELECT order_id, status, receiver FROM notifications
			WHERE receiver = $1 AND state IN ('given_up', 'gone') ORDER BY order_id LIMIT $2 FOR UPDATE
		)
		UPDATE notifications n SET state = 'pending', attempts = 0, due_at = now(), changed_at = now()
		FROM ended e WHERE n.order_id = e.order_id AND n.status = e.status AND n.receiver = e.receiver`, receiver, rearmStep)
	return tag.RowsAffected(), err
}
