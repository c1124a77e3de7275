package postgres

import (
	"context"
	"fmt"
)

// Recall puts right what a clock that went back has put off: a notification that changed in what is the future now waits
// from now on, and its receiver's pause is over. A minute's difference may be a failover.
func (l *Ledger) Recall(ctx context.Context) (recalled int64, err error) {
	err = l.pool.QueryRow(ctx, `
		WITH late AS (
			SELECT order_id, status, receiver FROM notifications
			WHERE state IN ('pending', 'claimed') AND changed_at > now() + interval '1 minute'
			FOR UPDATE SKIP LOCKED
		), moved AS (
			UPDATE notifications n SET due_at = n.due_at - (n.changed_at - now()), changed_at = now()
			FROM late WHERE n.order_id = late.order_id AND n.status = late.status AND n.receiver = late.receiver
			RETURNING n.receiver
		), resumed AS (
			UPDATE notification_receivers SET resume_at = now()
			WHERE resume_at > now() AND receiver IN (SELECT receiver FROM moved)
		)
		SELECT count(*) FROM moved`).Scan(&recalled)
	if err != nil {
		return 0, fmt.Errorf("look for notifications that the clock put off: %w", err)
	}
	return recalled, nil
}
