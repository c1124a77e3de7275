package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openorder/openorder/services/notification"
)

// Record decides what is news among events and writes a notification for each of the receivers, all in one transaction.
// It returns the news.
func (l *Ledger) Record(ctx context.Context, events []notification.Event, receivers []string) ([]notification.Event, error) {
	var news []notification.Event
	err := pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) (err error) {
		news, err = record(ctx, tx, notification.ByOrder(events), receivers)
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
	err := pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		probe := notification.Event{OrderID: -1, Status: notification.Rejected, Reason: "probe", At: time.Now()}
		orders := notification.ByOrder([]notification.Event{probe})
		if _, err := record(ctx, tx, orders, []string{"probe"}); err != nil {
			return err
		}
		return errUndo
	})
	if errors.Is(err, errUndo) {
		return nil
	}
	return err
}

// record first adds the orders nothing was told of, as most are, and decides for the others with their rows locked.
// Both steps go in order-id order: who waits in the first holds nothing that anybody waits for in the second.
func record(ctx context.Context, tx pgx.Tx, orders []notification.OrderEvents, receivers []string) ([]notification.Event, error) {
	var news []notification.Event
	fresh, err := insertOrders(ctx, tx, orders, len(receivers))
	if err != nil {
		return nil, err
	}
	known := make(map[int64][]notification.Event)
	for _, o := range orders {
		if !fresh[o.OrderID] {
			known[o.OrderID] = o.Events
			continue
		}
		_, tell := notification.History{}.Fold(o.Events)
		news = append(news, tell...)
	}
	if len(known) > 0 {
		more, err := decideKnown(ctx, tx, known, len(receivers))
		if err != nil {
			return nil, err
		}
		news = append(news, more...)
	}
	return news, insertNotifications(ctx, tx, news, receivers)
}

func insertOrders(ctx context.Context, tx pgx.Tx, orders []notification.OrderEvents, receivers int) (map[int64]bool, error) {
	var changes changes
	for _, o := range orders {
		after, news := notification.History{}.Fold(o.Events)
		changes.add(o.OrderID, after, len(news)*receivers)
	}
	rows, err := tx.Query(ctx, `
		INSERT INTO notification_orders (order_id, failed, outcome, notices)
		SELECT * FROM unnest($1::bigint[], $2::boolean[], $3::text[], $4::integer[]) ON CONFLICT DO NOTHING RETURNING order_id`,
		changes.arrays()...)
	if err != nil {
		return nil, err
	}
	fresh := make(map[int64]bool, len(orders))
	var id int64
	_, err = pgx.ForEachRow(rows, []any{&id}, func() error { fresh[id] = true; return nil })
	return fresh, err
}

func decideKnown(ctx context.Context, tx pgx.Tx, events map[int64][]notification.Event, receivers int) ([]notification.Event, error) {
	ids := slices.Collect(maps.Keys(events))
	rows, err := tx.Query(ctx, `
		SELECT order_id, failed, outcome FROM notification_orders WHERE order_id = ANY ($1) ORDER BY order_id FOR UPDATE`, ids)
	if err != nil {
		return nil, err
	}
	var news []notification.Event
	var changes changes
	var id int64
	var before notification.History
	_, err = pgx.ForEachRow(rows, []any{&id, &before.Failed, &before.Outcome}, func() error {
		after, tell := before.Fold(events[id])
		if len(tell) > 0 {
			changes.add(id, after, len(tell)*receivers)
		}
		news = append(news, tell...)
		return nil
	})
	if err != nil || len(changes.ids) == 0 {
		return news, err
	}
	_, err = tx.Exec(ctx, `
		UPDATE notification_orders o SET failed = a.failed, outcome = a.outcome, notices = o.notices + a.notices
		FROM unnest($1::bigint[], $2::boolean[], $3::text[], $4::integer[]) AS a (order_id, failed, outcome, notices)
		WHERE o.order_id = a.order_id`, changes.arrays()...)
	return news, err
}

// changes are orders' histories after a decision and how many rows of the ledger each gets, as arrays.
type changes struct {
	ids      []int64
	failed   []bool
	outcomes []string
	notices  []int32
}

func (c *changes) add(id int64, after notification.History, notices int) {
	c.ids, c.failed = append(c.ids, id), append(c.failed, after.Failed)
	c.outcomes, c.notices = append(c.outcomes, string(after.Outcome)), append(c.notices, int32(notices))
}

func (c *changes) arrays() []any { return []any{c.ids, c.failed, c.outcomes, c.notices} }

func insertNotifications(ctx context.Context, tx pgx.Tx, news []notification.Event, receivers []string) error {
	if len(news) == 0 || len(receivers) == 0 {
		return nil
	}
	count := len(news)
	ids, statuses, reasons := make([]int64, count), make([]string, count), make([]string, count)
	times, traces := make([]time.Time, count), make([]string, count)
	for i, e := range news {
		ids[i], statuses[i], reasons[i], times[i], traces[i] = e.OrderID, string(e.Status), e.Reason, e.At, e.TraceParent
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO notifications (order_id, status, receiver, reason, occurred_at, traceparent, state, due_at, created_at, changed_at)
		SELECT e.order_id, e.status, r.receiver, e.reason, e.occurred_at, e.traceparent, 'pending', now(), now(), now()
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[], $5::text[])
			AS e (order_id, status, reason, occurred_at, traceparent), unnest($6::text[]) AS r (receiver)
		ON CONFLICT DO NOTHING`, ids, statuses, reasons, times, traces, receivers)
	return err
}
