package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/openorder/openorder/services/notification"
)

// Record decides what is news among events and writes a notification for each of the receivers, all in one transaction.
// It returns the news.
func (l *Ledger) Record(ctx context.Context, events []notification.Event, receivers []string) ([]notification.Event, error) {
	var news []notification.Event
	err := l.transact(ctx, func(tx *sql.Tx) (err error) {
		news, err = record(ctx, tx, events, receivers)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("record notifications: %w", err)
	}
	return news, nil
}

// errUndo makes Probe's transaction roll back.
var errUndo = errors.New("undo")

// Probe does what Record does to the same tables, and undoes it.
func (l *Ledger) Probe(ctx context.Context) error {
	err := l.transact(ctx, func(tx *sql.Tx) error {
		probe := notification.Event{OrderID: -1, Status: notification.Rejected, Reason: "probe", At: time.Now()}
		if _, err := record(ctx, tx, []notification.Event{probe}, []string{"probe"}); err != nil {
			return err
		}
		return errUndo
	})
	if errors.Is(err, errUndo) {
		return nil
	}
	return err
}

func record(ctx context.Context, tx *sql.Tx, events []notification.Event, receivers []string) ([]notification.Event, error) {
	look, err := tx.PrepareContext(ctx, `SELECT failed, outcome FROM notification_orders WHERE order_id = ?`)
	if err != nil {
		return nil, err
	}
	defer look.Close()
	keep, err := tx.PrepareContext(ctx, `
		INSERT INTO notification_orders (order_id, failed, outcome, notices) VALUES (?, ?, ?, ?)
		ON CONFLICT (order_id) DO UPDATE
		SET failed = excluded.failed, outcome = excluded.outcome, notices = notices + excluded.notices`)
	if err != nil {
		return nil, err
	}
	defer keep.Close()
	var news []notification.Event
	for _, order := range notification.ByOrder(events) {
		var before notification.History
		err := look.QueryRowContext(ctx, order.OrderID).Scan(&before.Failed, &before.Outcome)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
		after, tell := before.Fold(order.Events)
		if len(tell) > 0 {
			_, err := keep.ExecContext(ctx, order.OrderID, after.Failed, string(after.Outcome), len(tell)*len(receivers))
			if err != nil {
				return nil, err
			}
		}
		news = append(news, tell...)
	}
	return news, insertNotifications(ctx, tx, news, receivers)
}

func insertNotifications(ctx context.Context, tx *sql.Tx, news []notification.Event, receivers []string) error {
	insert, err := tx.PrepareContext(ctx, `
		INSERT INTO notifications (order_id, status, receiver, reason, occurred_at, traceparent, state, due_at, created_at, changed_at)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'pending', ?7, ?7, ?7) ON CONFLICT DO NOTHING`)
	if err != nil {
		return err
	}
	defer insert.Close()
	recorded := now()
	for _, e := range news {
		for _, receiver := range receivers {
			_, err := insert.ExecContext(ctx, e.OrderID, string(e.Status), receiver, e.Reason, e.At.UnixMicro(), e.TraceParent, recorded)
			if err != nil {
				return err
			}
		}
	}
	return nil
}
