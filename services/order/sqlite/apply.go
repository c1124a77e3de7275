package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/openorder/openorder/services/order"
)

// Apply advances orders by reports.
func (s *Store) Apply(ctx context.Context, reports []order.Report) ([]order.Decision, error) {
	ids := make([]int64, len(reports))
	for i, r := range reports {
		ids[i] = r.OrderID
	}
	var decisions []order.Decision
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		held, err := collect(ctx, tx, scan,
			`SELECT `+columns+` FROM orders o WHERE o.order_id IN (SELECT value FROM json_each(?))`, list(ids))
		if err != nil {
			return err
		}
		var changed []order.Order
		decisions, changed = order.Decide(held, reports)
		for _, o := range changed {
			if err := update(ctx, tx, o); err != nil {
				return err
			}
		}
		return nil
	})
	return decisions, failed("apply reports", err)
}

func update(ctx context.Context, tx *sql.Tx, o order.Order) error {
	outcomes, err := json.Marshal(o.Outcomes)
	if err != nil {
		return fmt.Errorf("encode the history of order %d: %w", o.ID, err)
	}
	_, err = tx.ExecContext(ctx, `UPDATE orders SET status = ?, outcomes = ? WHERE order_id = ?`, string(o.Status), string(outcomes), o.ID)
	return err
}

var errUndo = errors.New("undo")

// Probe writes an order that cannot exist, and updates it, and takes both back.
func (s *Store) Probe(ctx context.Context) error {
	impossible := order.Order{ID: -1 - rand.Int64N(1<<62), Status: order.Failed}
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		if err := insert(ctx, tx, impossible); err != nil {
			return err
		}
		if err := update(ctx, tx, impossible); err != nil {
			return err
		}
		return errUndo
	})
	if errors.Is(err, errUndo) {
		return nil
	}
	return failed("probe", err)
}
