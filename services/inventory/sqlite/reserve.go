package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/openorder/openorder/services/inventory"
	"github.com/openorder/openorder/services/inventory/internal/rows"
)

const (
	findOutcome = `SELECT decided_at, fingerprint, coalesce(reason, '') FROM reservations WHERE order_id = ?`
	keepOutcome = `INSERT INTO reservations (order_id, decided_at, fingerprint, items, reason, lacking) VALUES (?, ?, ?, ?, ?, ?)`
	takeStock   = `UPDATE stock SET reserved = reserved + ? WHERE sku = ?`
)

// Reserve implements inventory.Reserver.
func (s *Store) Reserve(ctx context.Context, orders []inventory.Order, rules inventory.Rules) ([]inventory.Result, error) {
	var results []inventory.Result
	err := s.transact(ctx, func(tx *sql.Tx) error {
		stock, err := shelves(ctx, tx, orders)
		if err != nil {
			return fmt.Errorf("read stock: %w", err)
		}
		stored, err := outcomes(ctx, tx, orders)
		if err != nil {
			return fmt.Errorf("look for outcomes: %w", err)
		}
		decision := inventory.Decide(orders, stock, stored, rules)
		results = decision.Results
		if err := keep(ctx, tx, orders, decision); err != nil {
			return fmt.Errorf("keep outcomes and stock: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reserve %d orders: %w", len(orders), err)
	}
	return results, nil
}

func shelves(ctx context.Context, tx *sql.Tx, orders []inventory.Order) (map[string]inventory.Stock, error) {
	stock, unknown := map[string]inventory.Stock{}, map[string]bool{}
	for _, order := range orders {
		for _, item := range order.Items {
			if _, seen := stock[item.SKU]; seen || unknown[item.SKU] {
				continue
			}
			shelf, err := readStock(ctx, tx, item.SKU)
			switch {
			case errors.Is(err, inventory.ErrNotFound):
				unknown[item.SKU] = true
			case err != nil:
				return nil, err
			default:
				stock[item.SKU] = shelf
			}
		}
	}
	return stock, nil
}

func outcomes(ctx context.Context, tx *sql.Tx, orders []inventory.Order) (map[int64]inventory.Outcome, error) {
	find, err := tx.PrepareContext(ctx, findOutcome)
	if err != nil {
		return nil, err
	}
	defer find.Close()
	stored := map[int64]inventory.Outcome{}
	for _, order := range orders {
		var at int64
		var fingerprint []byte
		var o inventory.Outcome
		err := find.QueryRowContext(ctx, order.ID).Scan(&at, &fingerprint, &o.Reason)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		copy(o.Fingerprint[:], fingerprint)
		o.At = fromMicros(at)
		stored[order.ID] = o
	}
	return stored, nil
}

func keep(ctx context.Context, tx *sql.Tx, orders []inventory.Order, d inventory.Decision) error {
	insert, err := tx.PrepareContext(ctx, keepOutcome)
	if err != nil {
		return err
	}
	defer insert.Close()
	for i, result := range d.Results {
		if !result.New {
			continue
		}
		var reason, lacking sql.NullString
		if result.Outcome.Reason != "" {
			reason = sql.NullString{String: string(result.Outcome.Reason), Valid: true}
			lacking = sql.NullString{String: rows.Lacking(result.Lacking), Valid: true}
		}
		order := orders[i]
		if _, err := insert.ExecContext(ctx, order.ID, result.Outcome.At.UnixMicro(), order.Fingerprint[:], rows.Items(order.Items), reason, lacking); err != nil {
			return err
		}
	}
	for sku, qty := range d.Taken {
		if _, err := tx.ExecContext(ctx, takeStock, qty, sku); err != nil {
			return err
		}
	}
	return nil
}

var errUndo = errors.New("undo")

// Probe implements inventory.Reserver.
func (s *Store) Probe(ctx context.Context) error {
	const id, sku = -1, "\tprobe" // what no order is and no shelf can be called
	err := s.transact(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO stock (sku, on_hand, reserved, version) VALUES (?, 1, 0, 1)`, sku); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, takeStock, 1, sku); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, keepOutcome, id, time.Now().UnixMicro(), []byte{}, "{}", nil, nil); err != nil {
			return err
		}
		return errUndo
	})
	if errors.Is(err, errUndo) {
		return nil
	}
	return fmt.Errorf("probe the inventory's tables: %w", err)
}
