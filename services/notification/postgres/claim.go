package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openorder/openorder/services/notification"
)

// Claim takes what is due and not claimed by others, see notification.CourierLedger.
func (l *Ledger) Claim(ctx context.Context, c notification.Claimant, limit int, hold, idle time.Duration) (notification.Claim, error) {
	claim, paused, err := l.standing(ctx, c.Receiver)
	if err != nil {
		return claim, err
	}
	if paused > 0 {
		claim.Next = min(paused, idle)
		return claim, nil
	}
	rows, err := l.pool.Query(ctx, `
		WITH due AS (
			SELECT order_id, status, receiver FROM notifications
			WHERE receiver = $1 AND state IN ('pending', 'claimed') AND due_at <= now()
			ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
		)
		UPDATE notifications n SET state = 'claimed', due_at = now() + $3::interval, claimed_by = $4, changed_at = now()
		FROM due WHERE n.order_id = due.order_id AND n.status = due.status AND n.receiver = due.receiver
		RETURNING n.order_id, n.status, n.receiver, n.reason, n.occurred_at, n.traceparent, n.state, n.attempts, n.due_at,
			n.last_error, n.created_at, n.changed_at`, c.Receiver, limit, hold, c.Run)
	if err != nil {
		return claim, err
	}
	claim.Notifications, err = pgx.CollectRows(rows, scan)
	if err != nil || len(claim.Notifications) == limit {
		return claim, err
	}
	claim.Next, err = l.next(ctx, c.Receiver, idle)
	return claim, err
}

// standing tells whether a receiver is gone, and for how long it still wants to be left alone.
func (l *Ledger) standing(ctx context.Context, receiver string) (claim notification.Claim, paused time.Duration, err error) {
	err = l.pool.QueryRow(ctx, `
		SELECT gone_at IS NOT NULL, greatest(resume_at - now(), interval '0') FROM notification_receivers WHERE receiver = $1`,
		receiver).Scan(&claim.Gone, &paused)
	if errors.Is(err, pgx.ErrNoRows) {
		return claim, 0, nil
	}
	return claim, paused, err
}

// next is the time until a receiver's next notification is due, at most idle.
func (l *Ledger) next(ctx context.Context, receiver string, idle time.Duration) (time.Duration, error) {
	var wait time.Duration
	err := l.pool.QueryRow(ctx, `
		SELECT greatest(least(min(due_at) - now(), $2::interval), interval '0') FROM (
			SELECT due_at FROM notifications WHERE receiver = $1 AND state IN ('pending', 'claimed') ORDER BY due_at LIMIT 1
		) AS first`, receiver, idle).Scan(&wait)
	return wait, err
}

// Settle ends attempts, see notification.CourierLedger.
func (l *Ledger) Settle(ctx context.Context, c notification.Claimant, settlements []notification.Settlement, verdict notification.Verdict) error {
	count := len(settlements)
	ids, statuses, states := make([]int64, count), make([]string, count), make([]string, count)
	attempts, waits, errs := make([]int32, count), make([]time.Duration, count), make([]string, count)
	for i, s := range settlements {
		ids[i], statuses[i], states[i] = s.ID.OrderID, string(s.ID.Status), string(s.State)
		attempts[i], waits[i], errs[i] = int32(s.Attempts), s.RetryIn, s.Error
	}
	err := pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		if verdict != (notification.Verdict{}) {
			if err := judge(ctx, tx, c.Receiver, verdict); err != nil {
				return err
			}
		}
		back := false
		if slices.Contains(states, string(notification.Gone)) {
			var err error
			if back, err = isBack(ctx, tx, c.Receiver); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `
			UPDATE notifications n
			SET state = CASE WHEN s.state = 'gone' AND $9::boolean THEN 'pending' ELSE s.state END, attempts = s.attempts,
				due_at = now() + s.wait, last_error = s.error, claimed_by = NULL, changed_at = now()
			FROM unnest($2::bigint[], $3::text[], $4::text[], $5::integer[], $6::interval[], $7::text[])
				AS s (order_id, status, state, attempts, wait, error)
			WHERE n.order_id = s.order_id AND n.status = s.status AND n.receiver = $1
				AND (n.state = 'claimed' AND n.claimed_by = $8 OR s.state = 'delivered' AND n.state <> 'delivered')`,
			c.Receiver, ids, statuses, states, attempts, waits, errs, c.Run, back)
		return err
	})
	if err != nil {
		return fmt.Errorf("settle %d notifications: %w", count, err)
	}
	return nil
}

// isBack tells whether a receiver is not gone, though it may have been when what is settled was claimed; and keeps it from
// being re-armed until that is written, so that re-arming finds it.
func isBack(ctx context.Context, tx pgx.Tx, receiver string) (back bool, err error) {
	err = tx.QueryRow(ctx, `SELECT gone_at IS NULL FROM notification_receivers WHERE receiver = $1 FOR SHARE`, receiver).Scan(&back)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return back, err
}

func judge(ctx context.Context, tx pgx.Tx, receiver string, v notification.Verdict) error {
	_, err := tx.Exec(ctx, `
		UPDATE notification_receivers SET
			gone_at = CASE WHEN $2::boolean THEN coalesce(gone_at, now()) ELSE gone_at END,
			resume_at = CASE WHEN $3::interval > interval '0' THEN greatest(resume_at, now() + $3::interval) ELSE resume_at END
		WHERE receiver = $1`, receiver, v.Gone, v.Pause)
	return err
}
