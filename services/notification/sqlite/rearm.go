package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/openorder/openorder/services/notification"
)

// rearmStep is how many notifications are re-armed in one transaction.
const rearmStep = 1000

// Rearm makes a given-up or gone notification due again, with all its attempts, and its receiver worth trying.
func (l *Ledger) Rearm(ctx context.Context, id notification.ID) (notification.Notification, error) {
	var n notification.Notification
	err := l.transact(ctx, func(tx *sql.Tx) error {
		rearmed, err := collect(tx.QueryContext(ctx, `
			UPDATE notifications SET state = 'pending', attempts = 0, due_at = ?1, changed_at = ?1
			WHERE order_id = ?2 AND status = ?3 AND receiver = ?4 AND state IN ('given_up', 'gone') RETURNING `+columns,
			now(), id.OrderID, string(id.Status), id.Receiver))
		if err != nil {
			return err
		}
		if len(rearmed) == 0 {
			return whyNot(ctx, tx, id)
		}
		n = rearmed[0]
		return revive(ctx, tx, id.Receiver)
	})
	if err != nil {
		return n, fmt.Errorf("re-arm %s: %w", id, err)
	}
	return n, nil
}

func whyNot(ctx context.Context, tx *sql.Tx, id notification.ID) error {
	var one int
	err := tx.QueryRowContext(ctx, `SELECT 1 FROM notifications WHERE order_id = ? AND status = ? AND receiver = ?`,
		id.OrderID, string(id.Status), id.Receiver).Scan(&one)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return notification.ErrNotFound
	case err != nil:
		return err
	default:
		return notification.ErrNotEnded
	}
}

func revive(ctx context.Context, tx *sql.Tx, receiver string) error {
	_, err := tx.ExecContext(ctx, `UPDATE notification_receivers SET gone_at = NULL, resume_at = NULL WHERE receiver = ?`, receiver)
	return err
}

// RearmReceiver does the same for all of a receiver's notifications, and returns how many there were.
func (l *Ledger) RearmReceiver(ctx context.Context, receiver string) (int64, error) {
	err := l.transact(ctx, func(tx *sql.Tx) error {
		var one int
		err := tx.QueryRowContext(ctx, `SELECT 1 FROM notification_receivers WHERE receiver = ?`, receiver).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			return notification.ErrNotFound
		}
		if err != nil {
			return err
		}
		return revive(ctx, tx, receiver)
	})
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
	result, err := l.write.ExecContext(ctx, `
		UPDATE notifications SET state = 'pending', attempts = 0, due_at = ?1, changed_at = ?1 WHERE rowid IN (
			SELECT rowid FROM notifications WHERE receiver = ?2 AND state IN ('given_up', 'gone') LIMIT ?3
		)`, now(), receiver, rearmStep)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
