package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openorder/openorder/services/notification"
)

// states are literals in the SQL, because an index over some states serves a query only when it names them.
var states = map[notification.State]string{
	notification.Pending: `state = 'pending'`, notification.Claimed: `state = 'claimed'`,
	notification.Delivered: `state = 'delivered'`, notification.GivenUp: `state = 'given_up'`, notification.Gone: `state = 'gone'`,
}

// statuses are literals for the same reason.
var statuses = map[notification.Status]string{
	notification.Reserved: `status = 'RESERVED'`, notification.Rejected: `status = 'REJECTED'`, notification.Failed: `status = 'FAILED'`,
}

// List gives notifications, those of the newest orders first.
func (l *Ledger) List(ctx context.Context, f notification.Filter) ([]notification.Notification, error) {
	where, args := []string{"true"}, []any{f.Limit}
	if f.OrderID != 0 {
		args = append(args, f.OrderID)
		where = append(where, fmt.Sprintf("order_id = $%d", len(args)))
	}
	if condition := statuses[f.Status]; condition != "" {
		where = append(where, condition)
	}
	if condition := states[f.State]; condition != "" {
		where = append(where, condition)
	}
	if f.Before != nil {
		args = append(args, f.Before.OrderID, string(f.Before.Status), f.Before.Receiver)
		where = append(where, fmt.Sprintf("(order_id, status, receiver) < ($%d, $%d, $%d)", len(args)-2, len(args)-1, len(args)))
	}
	rows, err := l.pool.Query(ctx, `SELECT `+columns+` FROM notifications WHERE `+strings.Join(where, " AND ")+`
		ORDER BY order_id DESC, status DESC, receiver DESC LIMIT $1`, args...)
	if err != nil {
		return nil, fmt.Errorf("list notifications: %w", err)
	}
	found, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, fmt.Errorf("list notifications: %w", err)
	}
	return found, nil
}

// Backlog gives every receiver and what has not been delivered to it.
func (l *Ledger) Backlog(ctx context.Context) ([]notification.Backlog, error) {
	rows, err := l.pool.Query(ctx, `
		SELECT r.receiver, r.address, r.gone_at, CASE WHEN r.resume_at > now() THEN r.resume_at END,
			coalesce(w.count, 0), w.oldest, coalesce(e.given_up, 0), coalesce(e.gone, 0)
		FROM notification_receivers r
		LEFT JOIN (
			SELECT receiver, count(*), min(created_at) AS oldest FROM notifications
			WHERE state IN ('pending', 'claimed') GROUP BY receiver
		) w USING (receiver)
		LEFT JOIN (
			SELECT receiver, count(*) FILTER (WHERE state = 'given_up') AS given_up, count(*) FILTER (WHERE state = 'gone') AS gone
			FROM notifications WHERE state IN ('given_up', 'gone') GROUP BY receiver
		) e USING (receiver)
		ORDER BY r.receiver`)
	if err != nil {
		return nil, fmt.Errorf("sum up notifications: %w", err)
	}
	backlog, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (notification.Backlog, error) {
		var b notification.Backlog
		var gone, paused, oldest *time.Time
		err := row.Scan(&b.Receiver, &b.Address, &gone, &paused, &b.Waiting, &oldest, &b.GivenUp, &b.Gone)
		b.GoneSince, b.PausedUntil, b.OldestSince = utc(gone), utc(paused), utc(oldest)
		return b, err
	})
	if err != nil {
		return nil, fmt.Errorf("sum up notifications: %w", err)
	}
	return backlog, nil
}

func utc(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
