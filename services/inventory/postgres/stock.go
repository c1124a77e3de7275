package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openorder/openorder/services/inventory"
	"github.com/openorder/openorder/services/inventory/internal/rows"
)

// Stock implements inventory.Shelves.
func (s *Store) Stock(ctx context.Context, sku string) (inventory.Stock, error) {
	stock, err := one(s.pool.Query(ctx, `SELECT sku, on_hand, reserved, version FROM stock WHERE sku = $1`, sku))
	if err != nil {
		return inventory.Stock{}, fmt.Errorf("read stock of %q: %w", sku, err)
	}
	return stock, nil
}

// one is the row of a query, or ErrNotFound.
func one(found pgx.Rows, err error) (inventory.Stock, error) {
	if err != nil {
		return inventory.Stock{}, err
	}
	stock, err := pgx.CollectExactlyOneRow(found, pgx.RowToStructByPos[inventory.Stock])
	if errors.Is(err, pgx.ErrNoRows) {
		return inventory.Stock{}, inventory.ErrNotFound
	}
	return stock, err
}

// ListStock implements inventory.Shelves.
func (s *Store) ListStock(ctx context.Context, after string, limit int) ([]inventory.Stock, error) {
	found, err := s.pool.Query(ctx, `SELECT sku, on_hand, reserved, version FROM stock WHERE sku > $1 ORDER BY sku LIMIT $2`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list stock: %w", err)
	}
	stock, err := pgx.CollectRows(found, pgx.RowToStructByPos[inventory.Stock])
	if err != nil {
		return nil, fmt.Errorf("list stock: %w", err)
	}
	return stock, nil
}

// Totals implements inventory.Shelves.
func (s *Store) Totals(ctx context.Context) (inventory.Totals, error) {
	var t inventory.Totals
	err := s.pool.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE on_hand = reserved),
		coalesce(sum(on_hand), 0)::bigint, coalesce(sum(reserved), 0)::bigint FROM stock`).
		Scan(&t.SKUs, &t.SoldOut, &t.OnHand, &t.Reserved)
	if err != nil {
		return inventory.Totals{}, fmt.Errorf("sum stock up: %w", err)
	}
	return t, nil
}

// SetStock implements inventory.Shelves.
func (s *Store) SetStock(ctx context.Context, sku string, onHand int64, only inventory.Precondition) (inventory.Stock, bool, error) {
	var stock inventory.Stock
	var created bool
	set := func(tx pgx.Tx) error {
		current, err := lock(ctx, tx, sku)
		created = errors.Is(err, inventory.ErrNotFound)
		switch {
		case created:
			err = only.Check(nil)
		case err == nil:
			err = only.Check(&current)
		}
		if err != nil {
			return err
		}
		if stock, err = current.Set(onHand); err != nil {
			return err
		}
		if created {
			_, err = tx.Exec(ctx, `INSERT INTO stock (sku, on_hand, reserved, version) VALUES ($1, $2, 0, $3)`, stock.SKU, stock.OnHand, stock.Version)
		} else {
			_, err = tx.Exec(ctx, `UPDATE stock SET on_hand = $2, version = $3 WHERE sku = $1`, stock.SKU, stock.OnHand, stock.Version)
		}
		if err != nil {
			return err
		}
		return move(ctx, tx, current, stock, nil)
	}
	err := s.transact(ctx, set)
	if violates(err, "stock_pkey") { // somebody else put the first ones in: now there are some
		err = s.transact(ctx, set)
	}
	if err != nil {
		return inventory.Stock{}, false, fmt.Errorf("set stock of %q: %w", sku, err)
	}
	return stock, created, nil
}

// lock is a shelf that nobody else can change until the transaction ends. Where there is none it has but its name.
func lock(ctx context.Context, tx pgx.Tx, sku string) (inventory.Stock, error) {
	stock, err := one(tx.Query(ctx, `SELECT sku, on_hand, reserved, version FROM stock WHERE sku = $1 FOR UPDATE`, sku))
	if err != nil {
		return inventory.Stock{SKU: sku}, err
	}
	return stock, nil
}

// move keeps a change of what is on hand.
func move(ctx context.Context, tx pgx.Tx, from, to inventory.Stock, reason *string) error {
	_, err := tx.Exec(ctx, `INSERT INTO stock_movements (moved_at, sku, delta, on_hand, reason) VALUES ($1, $2, $3, $4, $5)`,
		time.Now(), to.SKU, to.OnHand-from.OnHand, to.OnHand, reason)
	return err
}

// Movements implements inventory.Shelves.
func (s *Store) Movements(ctx context.Context, sku string, before int64, limit int) ([]inventory.Movement, error) {
	found, err := s.pool.Query(ctx, `SELECT id, moved_at AT TIME ZONE 'UTC', delta, on_hand, coalesce(reason, '') FROM stock_movements
		WHERE sku = $1 AND ($2 = 0 OR id < $2) ORDER BY id DESC LIMIT $3`, sku, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list movements of %q: %w", sku, err)
	}
	movements, err := pgx.CollectRows(found, pgx.RowToStructByPos[inventory.Movement])
	if err != nil {
		return nil, fmt.Errorf("list movements of %q: %w", sku, err)
	}
	return movements, nil
}

// Reservation implements inventory.Shelves.
func (s *Store) Reservation(ctx context.Context, orderID int64) (inventory.Reservation, error) {
	r := inventory.Reservation{OrderID: orderID}
	var fingerprint []byte
	var items string
	var lacking *string
	err := s.pool.QueryRow(ctx, `SELECT decided_at, fingerprint, items, coalesce(reason, ''), lacking FROM reservations WHERE order_id = $1`, orderID).
		Scan(&r.At, &fingerprint, &items, &r.Reason, &lacking)
	if errors.Is(err, pgx.ErrNoRows) {
		err = inventory.ErrNotFound
	}
	if err == nil {
		r.Items, err = rows.DecodeItems(items)
	}
	if err == nil && lacking != nil {
		r.Lacking, err = rows.DecodeLacking(*lacking)
	}
	if err != nil {
		return inventory.Reservation{}, fmt.Errorf("read the outcome of order %d: %w", orderID, err)
	}
	r.At = r.At.UTC()
	copy(r.Fingerprint[:], fingerprint)
	return r, nil
}
