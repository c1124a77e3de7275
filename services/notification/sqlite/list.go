package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/openorder/openorder/services/notification"
)

// List gives notifications, those of the newest orders first.
func (l *Ledger) List(ctx context.Context, f notification.Filter) ([]notification.Notification, error) {
	where, args := []string{"true"}, []any{}
	add := func(condition string, values ...any) {
		where, args = append(where, condition), append(args, values...)
	}
	if f.OrderID != 0 {
		add("order_id = ?", f.OrderID)
	}
	if f.Status != "" {
		add("status = ?", string(f.Status))
	}
	if f.State != "" {
		add("state = ?", string(f.State))
	}
	if f.Before != nil {
		add("(order_id, status, receiver) < (?, ?, ?)", f.Before.OrderID, string(f.Before.Status), f.Before.Receiver)
	}
	found, err := collect(l.read.QueryContext(ctx, `SELECT `+columns+` FROM notifications WHERE `+strings.Join(where, " AND ")+`
		ORDER BY order_id DESC, status DESC, receiver DESC LIMIT ?`, append(args, f.Limit)...))
	if err != nil {
		return nil, fmt.Errorf("list notifications: %w", err)
	}
	return found, nil
}

// Backlog gives every receiver and what has not been delivered to it.
func (l *Ledger) Backlog(ctx context.Context) ([]notification.Backlog, error) {
	backlog, err := l.backlog(ctx)
	if err != nil {
		return nil, fmt.Errorf("sum up notifications: %w", err)
	}
	return backlog, nil
}

func (l *Ledger) backlog(ctx context.Context) ([]notification.Backlog, error) {
	rows, err := l.read.QueryContext(ctx, `
		SELECT r.receiver, r.address, r.gone_at, CASE WHEN r.resume_at > ? THEN r.resume_at END,
			coalesce(w.waiting, 0), w.oldest, coalesce(e.given_up, 0), coalesce(e.gone, 0)
		FROM notification_receivers r
		LEFT JOIN (
			SELECT receiver, count(*) AS waiting, min(created_at) AS oldest FROM notifications
			WHERE state IN ('pending', 'claimed') GROUP BY receiver
		) w ON w.receiver = r.receiver
		LEFT JOIN (
			SELECT receiver, sum(state = 'given_up') AS given_up, sum(state = 'gone') AS gone
			FROM notifications WHERE state IN ('given_up', 'gone') GROUP BY receiver
		) e ON e.receiver = r.receiver
		ORDER BY r.receiver`, now())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var backlog []notification.Backlog
	for rows.Next() {
		var b notification.Backlog
		var gone, paused, oldest sql.NullInt64
		if err := rows.Scan(&b.Receiver, &b.Address, &gone, &paused, &b.Waiting, &oldest, &b.GivenUp, &b.Gone); err != nil {
			return nil, err
		}
		b.GoneSince, b.PausedUntil, b.OldestSince = fromNullMicro(gone), fromNullMicro(paused), fromNullMicro(oldest)
		backlog = append(backlog, b)
	}
	return backlog, rows.Err()
}
