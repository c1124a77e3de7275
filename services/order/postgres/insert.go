package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/openorder/openorder/services/order"
)

// ClaimIDs moves the next free id on, at least to what the clock says: see order.FirstID. 1704067200000 is 2024 in Unix
// milliseconds, 1073741824 the least id.
func (s *Store) ClaimIDs(ctx context.Context, n int64) (int64, error) {
	const claim = `
		UPDATE order_ids
		SET next = greatest(next, 1073741824, (floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint - 1704067200000) << 12) + $1
		RETURNING next - $1`
	var first int64
	err := s.pool.QueryRow(ctx, claim, n).Scan(&first)
	return first, failed("claim order ids", err)
}

// A group is one statement, and so one round trip and one commit.
const insertPlain = `
	WITH publication AS (
		INSERT INTO order_publications (publication_id, order_ids, created_at, due_at)
		VALUES ($7, $1::bigint[], $8, now() + $9::interval)
	)
	INSERT INTO orders (order_id, user_id, created_at, event_id, items, trace_parent)
	SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::uuid[], $5::text[], $6::text[])`

// insertKeyed leaves out orders whose key exists, and returns the orders whose key is new. The keys come sorted.
const insertKeyed = `
	WITH owner AS (
		INSERT INTO order_keys (key_hash, fingerprint, order_id, created_at)
		SELECT k.key_hash, k.fingerprint, k.order_id, now()
		FROM unnest($7::bytea[], $8::bytea[], $9::bigint[]) WITH ORDINALITY AS k (key_hash, fingerprint, order_id, place)
		ORDER BY k.place
		ON CONFLICT (key_hash) DO NOTHING
		RETURNING order_id
	), placed AS (
		INSERT INTO orders (order_id, user_id, created_at, event_id, items, trace_parent)
		SELECT *
		FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::uuid[], $5::text[], $6::text[])
			AS o (order_id, user_id, created_at, event_id, items, trace_parent)
		WHERE o.order_id NOT IN (SELECT unnest($9::bigint[])) OR o.order_id IN (SELECT order_id FROM owner)
		RETURNING order_id, created_at
	), publication AS (
		INSERT INTO order_publications (publication_id, order_ids, created_at, due_at)
		SELECT min(order_id), array_agg(order_id), min(created_at), now() + $10::interval FROM placed
		HAVING count(*) > 0
	)
	SELECT order_id FROM owner`

// Insert keeps a group of orders.
func (s *Store) Insert(ctx context.Context, group []order.Placement, lease time.Duration) (map[[32]byte]order.Owner, error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, failed("reach the database", err)
	}
	defer conn.Release()
	rows, err := rowsOf(group)
	if err != nil {
		return nil, err
	}
	keyed := keyedOf(group)
	if len(keyed) == 0 {
		_, err := conn.Exec(ctx, insertPlain, append(rows, group[0].Order.ID, group[0].Order.CreatedAt, lease)...)
		return nil, failed("insert orders", uncertain(err))
	}
	return insertWithKeys(ctx, conn, rows, keyed, lease)
}

func insertWithKeys(ctx context.Context, conn *pgxpool.Conn, rows []any, keyed []order.Placement, lease time.Duration) (map[[32]byte]order.Owner, error) {
	hashes, fingerprints, ids := make([][]byte, len(keyed)), make([][]byte, len(keyed)), make([]int64, len(keyed))
	for i, p := range keyed {
		hashes[i], fingerprints[i], ids[i] = p.Key.Hash[:], p.Key.Fingerprint[:], p.Order.ID
	}
	result, err := conn.Query(ctx, insertKeyed, append(rows, hashes, fingerprints, ids, lease)...)
	var owners []int64
	if err == nil {
		owners, err = pgx.CollectRows(result, pgx.RowTo[int64])
	}
	if err != nil {
		return nil, failed("insert orders", uncertain(err))
	}
	if len(owners) == len(keyed) {
		return nil, nil
	}
	// The others' keys were committed before: the insert waited for that. What was inserted is committed, too, so that from
	// here on an error leaves the group's fate open.
	taken, err := ownersOf(ctx, conn, hashes, ids)
	if err == nil && len(taken)+len(owners) < len(keyed) {
		err = fmt.Errorf("%d keys expired at this moment", len(keyed)-len(taken)-len(owners))
	}
	if err != nil {
		return nil, fmt.Errorf("read who owns the idempotency keys: %w: %w", order.ErrUncertain, err)
	}
	return taken, nil
}

// ownersOf finds whose the keys are, if not the group's own.
func ownersOf(ctx context.Context, conn *pgxpool.Conn, hashes [][]byte, own []int64) (map[[32]byte]order.Owner, error) {
	const find = `SELECT key_hash, fingerprint, order_id FROM order_keys WHERE key_hash = ANY($1) AND order_id <> ALL($2)`
	rows, err := conn.Query(ctx, find, hashes, own)
	if err != nil {
		return nil, err
	}
	taken := map[[32]byte]order.Owner{}
	var hash, fingerprint []byte
	var id int64
	_, err = pgx.ForEachRow(rows, []any{&hash, &fingerprint, &id}, func() error {
		taken[[32]byte(hash)] = order.Owner{OrderID: id, Fingerprint: [32]byte(fingerprint)}
		return nil
	})
	return taken, err
}

// rowsOf are the arguments $1 to $6: a column each.
func rowsOf(group []order.Placement) ([]any, error) {
	n := len(group)
	ids, users, times := make([]int64, n), make([]int64, n), make([]time.Time, n)
	events, items, traces := make([][16]byte, n), make([]string, n), make([]*string, n)
	for i := range group {
		o := &group[i].Order
		text, err := json.Marshal(o.Items)
		if err != nil {
			return nil, fmt.Errorf("encode items: %w: %w", order.ErrRefused, err)
		}
		ids[i], users[i], times[i], events[i], items[i] = o.ID, o.UserID, o.CreatedAt, o.EventID, string(text)
		if o.TraceParent != "" {
			traces[i] = &o.TraceParent
		}
	}
	return []any{ids, users, times, events, items, traces}, nil
}

// keyedOf are the placements with a key, sorted by it.
func keyedOf(group []order.Placement) []order.Placement {
	var keyed []order.Placement
	for _, p := range group {
		if p.Key != nil {
			keyed = append(keyed, p)
		}
	}
	slices.SortFunc(keyed, func(a, b order.Placement) int { return bytes.Compare(a.Key.Hash[:], b.Key.Hash[:]) })
	return keyed
}

// Find returns those of the orders that exist.
func (s *Store) Find(ctx context.Context, ids []int64) ([]order.Order, error) {
	return s.orders(ctx, "find orders", `SELECT `+columns+` FROM orders o WHERE o.order_id = ANY($1)`, ids)
}

// DeleteKeys deletes some expired idempotency keys.
func (s *Store) DeleteKeys(ctx context.Context, before time.Time, limit int) (int, error) {
	const remove = `
		DELETE FROM order_keys WHERE key_hash IN (
			SELECT key_hash FROM order_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)`
	tag, err := s.pool.Exec(ctx, remove, before, limit)
	return int(tag.RowsAffected()), failed("delete expired idempotency keys", err)
}
