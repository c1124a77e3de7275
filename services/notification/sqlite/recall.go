package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Recall puts right what a clock that went back has put off, see the other store.
func (l *Ledger) Recall(ctx context.Context) (recalled int64, err error) {
	at, tolerated := now(), time.Minute.Microseconds()
	err = l.transact(ctx, func(tx *sql.Tx) error {
		const late = `state IN ('pending', 'claimed') AND changed_at > ?1 + ?2`
		_, err := tx.ExecContext(ctx, `UPDATE notification_receivers SET resume_at = ?1
			WHERE resume_at > ?1 AND receiver IN (SELECT receiver FROM notifications WHERE `+late+`)`, at, tolerated)
		if err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, `UPDATE notifications SET due_at = due_at - (changed_at - ?1), changed_at = ?1
			WHERE `+late, at, tolerated)
		if err != nil {
			return err
		}
		recalled, err = done.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("look for notifications that the clock put off: %w", err)
	}
	return recalled, nil
}
