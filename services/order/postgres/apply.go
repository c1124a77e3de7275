package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/openorder/openorder/services/order"
)

const (
	lockOrders   = `SELECT ` + columns + ` FROM orders o WHERE o.order_id = ANY($1) ORDER BY o.order_id FOR NO KEY UPDATE`
	updateOrders = `
		UPDATE orders o SET status = n.status, outcomes = n.outcomes
		FROM unnest($1::bigint[], $2::text[], $3::text[]) AS n (order_id, status, outcomes)
		WHERE o.order_id = n.order_id`
)

// Apply advances orders by reports. It makes two round trips: begin and lock, then update and commit.
func (s *Store) Apply(ctx context.Context, reports []order.Report) ([]order.Decision, error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, failed("reach the database", err)
	}
	defer release(conn)
	held, err := lock(ctx, conn, reports)
	if err != nil {
		return nil, failed("lock orders", err)
	}
	decisions, changed := order.Decide(held, reports)
	return decisions, failed("apply reports", commit(ctx, conn, changed))
}

func lock(ctx context.Context, conn *pgxpool.Conn, reports []order.Report) (held []order.Order, err error) {
	ids := make([]int64, len(reports))
	for i, r := range reports {
		ids[i] = r.OrderID
	}
	slices.Sort(ids)
	var batch pgx.Batch
	batch.Queue("BEGIN")
	batch.Queue(lockOrders, slices.Compact(ids)).Query(func(rows pgx.Rows) (err error) {
		held, err = pgx.CollectRows(rows, scan)
		return err
	})
	return held, conn.SendBatch(ctx, &batch).Close()
}

func commit(ctx context.Context, conn *pgxpool.Conn, changed []order.Order) error {
	var batch pgx.Batch
	if len(changed) > 0 {
		args, err := updates(changed)
		if err != nil {
			return err
		}
		batch.Queue(updateOrders, args...)
	}
	batch.Queue("COMMIT")
	return conn.SendBatch(ctx, &batch).Close()
}

// release gives a connection back, out of its transaction.
func release(conn *pgxpool.Conn) {
	if !conn.Conn().IsClosed() && conn.Conn().PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, _ = conn.Exec(ctx, "ROLLBACK") // what cannot be rolled back is closed by the pool
	}
	conn.Release()
}

// updates are the arguments of updateOrders.
func updates(orders []order.Order) ([]any, error) {
	ids, statuses, outcomes := make([]int64, len(orders)), make([]string, len(orders)), make([]string, len(orders))
	for i, o := range orders {
		text, err := json.Marshal(o.Outcomes)
		if err != nil {
			return nil, fmt.Errorf("encode the history of order %d: %w", o.ID, err)
		}
		ids[i], statuses[i], outcomes[i] = o.ID, string(o.Status), string(text)
	}
	return []any{ids, statuses, outcomes}, nil
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
		args, err := updates([]order.Order{{ID: id, Status: order.Failed}})
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, updateOrders, args...); err != nil {
			return err
		}
		return errUndo
	})
	if errors.Is(err, errUndo) {
		return nil
	}
	return failed("probe", err)
}
