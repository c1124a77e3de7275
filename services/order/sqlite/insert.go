package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/openorder/openorder/services/order"
)

// ClaimIDs moves the next free id on, at least to what the clock says: see order.FirstID.
func (s *Store) ClaimIDs(ctx context.Context, n int64) (int64, error) {
	var first int64
	err := s.write.QueryRowContext(ctx, `UPDATE order_ids SET next = max(next, ?1) + ?2 RETURNING next - ?2`,
		order.FirstID(time.Now()), n).Scan(&first)
	return first, failed("claim order ids", err)
}

// Insert keeps a group of orders. There is one writer at a time, so the keys' order does not matter here.
func (s *Store) Insert(ctx context.Context, group []order.Placement, lease time.Duration) (map[[32]byte]order.Owner, error) {
	taken := map[[32]byte]order.Owner{}
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		var ids []int64
		for _, p := range group {
			if p.Key != nil {
				owner, err := own(ctx, tx, *p.Key, p.Order.ID)
				if err != nil {
					return err
				}
				if owner.OrderID != p.Order.ID {
					taken[p.Key.Hash] = owner
					continue
				}
			}
			if err := insert(ctx, tx, p.Order); err != nil {
				return err
			}
			ids = append(ids, p.Order.ID)
		}
		if len(ids) == 0 {
			return nil
		}
		_, err := tx.ExecContext(ctx,
			`INSERT INTO order_publications (publication_id, order_ids, created_at, due_at) VALUES (?, ?, ?, ?)`,
			ids[0], list(ids), group[0].Order.CreatedAt.UnixMicro(), time.Now().Add(lease).UnixMicro())
		return err
	})
	if err != nil {
		return nil, failed("insert orders", err)
	}
	return taken, nil
}

// own makes an order the owner of a key, and returns who is.
func own(ctx context.Context, tx *sql.Tx, key order.Key, id int64) (order.Owner, error) {
	var owner order.Owner
	var fingerprint []byte
	err := tx.QueryRowContext(ctx, `SELECT order_id, fingerprint FROM order_keys WHERE key_hash = ?`, key.Hash[:]).
		Scan(&owner.OrderID, &fingerprint)
	if err == nil {
		owner.Fingerprint = [32]byte(fingerprint)
		return owner, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return order.Owner{}, err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO order_keys (key_hash, fingerprint, order_id, created_at) VALUES (?, ?, ?, ?)`,
		key.Hash[:], key.Fingerprint[:], id, time.Now().UnixMicro())
	return order.Owner{OrderID: id, Fingerprint: key.Fingerprint}, err
}

func insert(ctx context.Context, tx *sql.Tx, o order.Order) error {
	items, err := json.Marshal(o.Items)
	if err != nil {
		return fmt.Errorf("encode items: %w: %w", order.ErrRefused, err)
	}
	_, err = tx.ExecContext(ctx,
		`INSERT INTO orders (order_id, user_id, created_at, event_id, items, trace_parent) VALUES (?, ?, ?, ?, ?, nullif(?, ''))`,
		o.ID, o.UserID, o.CreatedAt.UnixMicro(), o.EventID[:], string(items), o.TraceParent)
	return err
}

// Find returns those of the orders that exist.
func (s *Store) Find(ctx context.Context, ids []int64) ([]order.Order, error) {
	found, err := collect(ctx, s.read, scan,
		`SELECT `+columns+` FROM orders o WHERE o.order_id IN (SELECT value FROM json_each(?))`, list(ids))
	return found, failed("find orders", err)
}

// DeleteKeys deletes some expired idempotency keys.
func (s *Store) DeleteKeys(ctx context.Context, before time.Time, limit int) (int, error) {
	result, err := s.write.ExecContext(ctx, `DELETE FROM order_keys WHERE key_hash IN (
		SELECT key_hash FROM order_keys WHERE created_at < ? ORDER BY created_at LIMIT ?)`, before.UnixMicro(), limit)
	if err != nil {
		return 0, failed("delete expired idempotency keys", err)
	}
	deleted, err := result.RowsAffected()
	return int(deleted), failed("delete expired idempotency keys", err)
}
