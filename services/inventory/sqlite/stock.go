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

// Stock implements inventory.Shelves.
func (s *Store) Stock(ctx context.Context, sku string) (inventory.Stock, error) {
	stock, err := readStock(ctx, s.db.Read, sku)
	if err != nil {
		return inventory.Stock{}, fmt.Errorf("read stock of %q: %w", sku, err)
	}
	return stock, nil
}

// ListStock implements inventory.Shelves.
func (s *Store) ListStock(ctx context.Context, after string, limit int) ([]inventory.Stock, error) {
	found, err := s.db.Read.QueryContext(ctx, `SELECT sku, on_hand, reserved, version FROM stock WHERE sku > ? ORDER BY sku LIMIT ?`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list stock: %w", err)
	}
	defer found.Close()
	var list []inventory.Stock
	for found.Next() {
		var stock inventory.Stock
		if err := found.Scan(&stock.SKU, &stock.OnHand, &stock.Reserved, &stock.Version); err != nil {
			return nil, fmt.Errorf("list stock: %w", err)
		}
		list = append(list, stock)
	}
	if err := found.Err(); err != nil {
		return nil, fmt.Errorf("list stock: %w", err)
	}
	return list, nil
}

// Totals implements inventory.Shelves.
func (s *Store) Totals(ctx context.Context) (inventory.Totals, error) {
	var t inventory.Totals
	err := s.db.Read.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE on_hand = reserved),
		coalesce(sum(on_hand), 0), coalesce(sum(reserved), 0) FROM stock`).Scan(&t.SKUs, &t.SoldOut, &t.OnHand, &t.Reserved)
	if err != nil {
		return inventory.Totals{}, fmt.Errorf("sum stock up: %w", err)
	}
	return t, nil
}

// SetStock implements inventory.Shelves.
func (s *Store) SetStock(ctx context.Context, sku string, onHand int64, only inventory.Precondition) (inventory.Stock, bool, error) {
	var stock inventory.Stock
	var created bool
	err := s.transact(ctx, func(tx *sql.Tx) error {
		current, err := readStock(ctx, tx, sku)
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
		return write(ctx, tx, current, stock, nil)
	})
	if err != nil {
		return inventory.Stock{}, false, fmt.Errorf("set stock of %q: %w", sku, err)
	}
	return stock, created, nil
}

// write keeps a shelf and its change.
func write(ctx context.Context, tx *sql.Tx, from, to inventory.Stock, reason *string) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO stock (sku, on_hand, reserved, version) VALUES (?, ?, ?, ?)
		ON CONFLICT (sku) DO UPDATE SET on_hand = excluded.on_hand, version = excluded.version`,
		to.SKU, to.OnHand, to.Reserved, to.Version); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO stock_movements (moved_at, sku, delta, on_hand, reason) VALUES (?, ?, ?, ?, ?)`,
		time.Now().UnixMicro(), to.SKU, to.OnHand-from.OnHand, to.OnHand, reason)
	return err
}

// AdjustStock implements inventory.Shelves.
func (s *Store) AdjustStock(ctx context.Context, a inventory.Adjustment) (inventory.Stock, error) {
	var stock inventory.Stock
	err := s.transact(ctx, func(tx *sql.Tx) (err error) {
		if a.Key != "" {
			stock, err = earlier(ctx, tx, a)
			if !errors.Is(err, inventory.ErrNotFound) {
				return err
			}
		}
		current, err := readStock(ctx, tx, a.SKU)
		if err != nil {
			return err
		}
		if stock, err = current.Adjust(a.Delta); err != nil {
			return err
		}
		if err = write(ctx, tx, current, stock, &a.Reason); err != nil || a.Key == "" {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO stock_adjustment_keys (key, used_at, fingerprint, on_hand, reserved, version) VALUES (?, ?, ?, ?, ?, ?)`,
			a.Key, time.Now().UnixMicro(), a.Fingerprint(), stock.OnHand, stock.Reserved, stock.Version)
		return err
	})
	if err != nil {
		return inventory.Stock{}, fmt.Errorf("adjust stock of %q by %d: %w", a.SKU, a.Delta, err)
	}
	return stock, nil
}

// earlier is the answer that a key got before, or ErrNotFound.
func earlier(ctx context.Context, tx *sql.Tx, a inventory.Adjustment) (inventory.Stock, error) {
	stock := inventory.Stock{SKU: a.SKU}
	var fingerprint []byte
	err := tx.QueryRowContext(ctx, `SELECT fingerprint, on_hand, reserved, version FROM stock_adjustment_keys WHERE key = ?`, a.Key).
		Scan(&fingerprint, &stock.OnHand, &stock.Reserved, &stock.Version)
	if err == nil && string(fingerprint) != string(a.Fingerprint()) {
		return inventory.Stock{}, inventory.ErrKeyReused
	}
	return stock, orNotFound(err)
}

// ForgetKeys implements inventory.Shelves.
func (s *Store) ForgetKeys(ctx context.Context, before time.Time, limit int) (int, error) {
	deleted, err := s.db.Write.ExecContext(ctx, `DELETE FROM stock_adjustment_keys WHERE key IN
		(SELECT key FROM stock_adjustment_keys WHERE used_at < ? ORDER BY used_at LIMIT ?)`, before.UnixMicro(), limit)
	if err != nil {
		return 0, fmt.Errorf("forget idempotency keys: %w", err)
	}
	count, err := deleted.RowsAffected()
	return int(count), err
}

// Movements implements inventory.Shelves.
func (s *Store) Movements(ctx context.Context, sku string, before int64, limit int) ([]inventory.Movement, error) {
	found, err := s.db.Read.QueryContext(ctx, `SELECT id, moved_at, delta, on_hand, coalesce(reason, '') FROM stock_movements
		WHERE sku = ?1 AND (?2 = 0 OR id < ?2) ORDER BY id DESC LIMIT ?3`, sku, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list movements of %q: %w", sku, err)
	}
	defer found.Close()
	var movements []inventory.Movement
	for found.Next() {
		var m inventory.Movement
		var at int64
		if err := found.Scan(&m.ID, &at, &m.Delta, &m.OnHand, &m.Reason); err != nil {
			return nil, fmt.Errorf("list movements of %q: %w", sku, err)
		}
		m.At = fromMicros(at)
		movements = append(movements, m)
	}
	if err := found.Err(); err != nil {
		return nil, fmt.Errorf("list movements of %q: %w", sku, err)
	}
	return movements, nil
}

// Reservation implements inventory.Shelves.
func (s *Store) Reservation(ctx context.Context, orderID int64) (inventory.Reservation, error) {
	r := inventory.Reservation{OrderID: orderID}
	var at int64
	var fingerprint []byte
	var items string
	var lacking sql.NullString
	err := orNotFound(s.db.Read.QueryRowContext(ctx,
		`SELECT decided_at, fingerprint, items, coalesce(reason, ''), lacking FROM reservations WHERE order_id = ?`, orderID).
		Scan(&at, &fingerprint, &items, &r.Reason, &lacking))
	if err == nil {
		r.Items, err = rows.DecodeItems(items)
	}
	if err == nil && lacking.Valid {
		r.Lacking, err = rows.DecodeLacking(lacking.String)
	}
	if err != nil {
		return inventory.Reservation{}, fmt.Errorf("read the outcome of order %d: %w", orderID, err)
	}
	r.At = fromMicros(at)
	copy(r.Fingerprint[:], fingerprint)
	return r, nil
}
