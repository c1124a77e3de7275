package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openorder/openorder/services/inventory"
)

// AdjustStock implements inventory.Shelves.
func (s *Store) AdjustStock(ctx context.Context, a inventory.Adjustment) (inventory.Stock, error) {
	var stock inventory.Stock
	err := s.transact(ctx, func(tx pgx.Tx) (err error) {
		if a.Key != "" {
			var answered bool
			if stock, answered, err = earlier(ctx, tx, a); answered || err != nil {
				return err
			}
		}
		current, err := lock(ctx, tx, a.SKU)
		if err != nil {
			return err
		}
		if stock, err = current.Adjust(a.Delta); err != nil {
			return err
		}
		if _, err = tx.Exec(ctx, `UPDATE stock SET on_hand = $2, version = $3 WHERE sku = $1`, stock.SKU, stock.OnHand, stock.Version); err != nil {
			return err
		}
		if err = move(ctx, tx, current, stock, &a.Reason); err != nil || a.Key == "" {
			return err
		}
		return remember(ctx, tx, a, stock)
	})
	if err != nil {
		return inventory.Stock{}, fmt.Errorf("adjust stock of %q by %d: %w", a.SKU, a.Delta, err)
	}
	return stock, nil
}

// earlier is the answer that a key got before. The key is ours until the transaction ends: whoever comes with the same
// meanwhile is told that it is in flight.
func earlier(ctx context.Context, tx pgx.Tx, a inventory.Adjustment) (inventory.Stock, bool, error) {
	var ours bool
	err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(hashtextextended($1, 'stock_adjustment_keys'::regclass::oid::bigint))`, a.Key).Scan(&ours)
	if err != nil {
		return inventory.Stock{}, false, err
	}
	if !ours {
		return inventory.Stock{}, false, inventory.ErrKeyInFlight
	}
	stock := inventory.Stock{SKU: a.SKU}
	var fingerprint []byte
	err = tx.QueryRow(ctx, `SELECT fingerprint, on_hand, reserved, version FROM stock_adjustment_keys WHERE key = $1`, a.Key).
		Scan(&fingerprint, &stock.OnHand, &stock.Reserved, &stock.Version)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return inventory.Stock{}, false, nil
	case err == nil && string(fingerprint) != string(a.Fingerprint()):
		return inventory.Stock{}, false, inventory.ErrKeyReused
	}
	return stock, true, err
}

func remember(ctx context.Context, tx pgx.Tx, a inventory.Adjustment, answer inventory.Stock) error {
	_, err := tx.Exec(ctx, `INSERT INTO stock_adjustment_keys (key, used_at, fingerprint, on_hand, reserved, version) VALUES ($1, $2, $3, $4, $5, $6)`,
		a.Key, time.Now(), a.Fingerprint(), answer.OnHand, answer.Reserved, answer.Version)
	return err
}

// ForgetKeys implements inventory.Shelves.
func (s *Store) ForgetKeys(ctx context.Context, before time.Time, limit int) (int, error) {
	deleted, err := s.pool.Exec(ctx, `DELETE FROM stock_adjustment_keys WHERE key IN
		(SELECT key FROM stock_adjustment_keys WHERE used_at < $1 ORDER BY used_at LIMIT $2 FOR UPDATE SKIP LOCKED)`, before, limit)
	if err != nil {
		return 0, fmt.Errorf("forget idempotency keys: %w", err)
	}
	return int(deleted.RowsAffected()), nil
}
