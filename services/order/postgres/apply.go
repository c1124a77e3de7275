package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/openorder/openorder/services/order"
)

const (
	lockOrders   = `SELECT ` + columns + ` FROM orders o WHERE o.order_id = ANY($1) ORDER BY o.order_id FOR NO KEY UPDATE`
	updateOrders = `
		UPDATE orders o SET status = n.status, outcomes = n.outcomes
		FROM unnest($1::bigint[], $2::text[], $3::text[]) AS n (order_id, status, outcomes)
		WHERE o.order_id = n.order_id`
)

// Apply advances orders by reports.
func (s *Store) Apply(ctx context.Context, reports []order.Report) ([]order.Decision, error) {
	ids := make([]int64, len(reports))
	for i, r := range reports {
		ids[i] = r.OrderID
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	var decisions []order.Decision
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, lockOrders, ids)
		if err != nil {
			return err
		}
		held, err := pgx.CollectRows(rows, scan)
		if err != nil {
			return err
		}
		var changed []order.Order
		decisions, changed = order.Decide(held, reports)
		return update(ctx, tx, changed)
	})
	return decisions, failed("apply reports", err)
}

func update(ctx context.Context, tx pgx.Tx, orders []order.Order) error {
	if len(orders) == 0 {
		return nil
	}
	ids, statuses, outcomes := make([]int64, len(orders)), make([]string, len(orders)), make([]string, len(orders))
	for i, o := range orders {
		text, err := json.Marshal(o.Outcomes)
		if err != nil {
			return fmt.Errorf("encode the history of order %d: %w", o.ID, err)
		}
		ids[i], statuses[i], outcomes[i] = o.ID, string(o.Status), string(text)
	}
	_, err := tx.Exec(ctx, updateOrders, ids, statuses, outcomes)
	return err
}

var errUndo = errors.New("undo")

// Probe writes an order that cannot exist, and updates it, and takes both back. Its id is a random one, so that probes do
// not wait for each other.
func (s *Store) Probe(ctx context.Context) error {
	id := -1 - rand.Int64N(1<<62)
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO orders (order_id, user_id, created_at, event_id, items)
			VALUES ($1, 0, now(), gen_random_uuid(), '[]')`, id); err != nil {
			return err
		}
		if err := update(ctx, tx, []order.Order{{ID: id, Status: order.Failed}}); err != nil {
			return err
		}
		return errUndo
	})
	if errors.Is(err, errUndo) {
		return nil
	}
	return failed("probe", err)
}
