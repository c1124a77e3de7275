package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/openorder/openorder/services/notification"
)

// Claim takes what is due and not claimed by others, see notification.CourierLedger. It looks before it writes, so that
// an idle receiver costs no transaction.
func (l *Ledger) Claim(ctx context.Context, c notification.Claimant, limit int, hold, idle time.Duration) (notification.Claim, error) {
	var claim notification.Claim
	started := time.Now()
	var gone, resume, due sql.NullInt64
	err := l.read.QueryRowContext(ctx, `SELECT gone_at, resume_at FROM notification_receivers WHERE receiver = ?`, c.Receiver).
		Scan(&gone, &resume)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return claim, err
	}
	claim.Gone = gone.Valid
	if resume.Valid && resume.Int64 > started.UnixMicro() {
		claim.Next = min(fromMicro(resume.Int64).Sub(started), idle)
		return claim, nil
	}
	err = l.read.QueryRowContext(ctx, firstDue, c.Receiver).Scan(&due)
	if err != nil {
		return claim, err
	}
	if !due.Valid || due.Int64 > started.UnixMicro() {
		claim.Next = next(due, started, idle)
		return claim, nil
	}
	claim.Notifications, err = collect(l.write.QueryContext(ctx, `
		UPDATE notifications SET state = 'claimed', due_at = ?1, claimed_by = ?2, changed_at = ?3 WHERE rowid IN (
			SELECT rowid FROM notifications WHERE receiver = ?4 AND state IN ('pending', 'claimed') AND due_at <= ?3
			ORDER BY due_at LIMIT ?5
		) RETURNING `+columns, started.Add(hold).UnixMicro(), c.Run.String(), started.UnixMicro(), c.Receiver, limit))
	if err != nil || len(claim.Notifications) == limit {
		return claim, err
	}
	err = l.read.QueryRowContext(ctx, firstDue, c.Receiver).Scan(&due)
	claim.Next = next(due, started, idle)
	return claim, err
}

const firstDue = `SELECT min(due_at) FROM notifications WHERE receiver = ? AND state IN ('pending', 'claimed')`

// next is the time until the first is due, at most idle.
func next(due sql.NullInt64, now time.Time, idle time.Duration) time.Duration {
	if !due.Valid {
		return idle
	}
	return min(max(fromMicro(due.Int64).Sub(now), 0), idle)
}

// Settle ends attempts, see notification.CourierLedger.
func (l *Ledger) Settle(ctx context.Context, c notification.Claimant, settlements []notification.Settlement, verdict notification.Verdict) error {
	err := l.transact(ctx, func(tx *sql.Tx) error {
		settled := time.Now()
		if err := judge(ctx, tx, c.Receiver, verdict, settled); err != nil {
			return err
		}
		back, err := isBack(ctx, tx, c.Receiver)
		if err != nil {
			return err
		}
		update, err := tx.PrepareContext(ctx, `
			UPDATE notifications
			SET state = CASE WHEN ?1 = 'gone' AND ?10 THEN 'pending' ELSE ?1 END, attempts = ?2, due_at = ?3, last_error = ?4,
				claimed_by = NULL, changed_at = ?5
			WHERE order_id = ?6 AND status = ?7 AND receiver = ?8
				AND (state = 'claimed' AND claimed_by = ?9 OR ?1 = 'delivered' AND state <> 'delivered')`)
		if err != nil {
			return err
		}
		defer update.Close()
		for _, s := range settlements {
			_, err := update.ExecContext(ctx, string(s.State), s.Attempts, settled.Add(s.RetryIn).UnixMicro(), s.Error,
				settled.UnixMicro(), s.ID.OrderID, string(s.ID.Status), c.Receiver, c.Run.String(), back)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("settle %d notifications: %w", len(settlements), err)
	}
	return nil
}

// isBack tells whether a receiver is not gone. It may have been when what is settled was claimed.
func isBack(ctx context.Context, tx *sql.Tx, receiver string) (back bool, err error) {
	err = tx.QueryRowContext(ctx, `SELECT gone_at IS NULL FROM notification_receivers WHERE receiver = ?`, receiver).Scan(&back)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return back, err
}

func judge(ctx context.Context, tx *sql.Tx, receiver string, v notification.Verdict, at time.Time) error {
	if v.Gone {
		_, err := tx.ExecContext(ctx, `UPDATE notification_receivers SET gone_at = ? WHERE receiver = ? AND gone_at IS NULL`,
			at.UnixMicro(), receiver)
		if err != nil {
			return err
		}
	}
	if v.Pause > 0 {
		_, err := tx.ExecContext(ctx, `
			UPDATE notification_receivers SET resume_at = max(coalesce(resume_at, 0), ?) WHERE receiver = ?`,
			at.Add(v.Pause).UnixMicro(), receiver)
		return err
	}
	return nil
}
