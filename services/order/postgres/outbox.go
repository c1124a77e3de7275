package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openorder/openorder/services/order"
)

// ClaimUnpublished leases publications never yet published.
func (s *Store) ClaimUnpublished(ctx context.Context, limit int, lease time.Duration) ([]order.Publication, error) {
	return s.claim(ctx, `
		WITH due AS (
			SELECT publication_id FROM order_publications WHERE attempts = 0 AND due_at <= now()
			ORDER BY publication_id LIMIT $1 FOR UPDATE SKIP LOCKED
		), claimed AS (
			UPDATE order_publications p SET due_at = now() + $2::interval FROM due WHERE p.publication_id = due.publication_id
			RETURNING p.publication_id, p.order_ids, p.attempts
		)
		SELECT * FROM claimed ORDER BY publication_id`, limit, lease)
}

// ClaimUnanswered leases publications that are due again.
func (s *Store) ClaimUnanswered(ctx context.Context, limit int, lease time.Duration) ([]order.Publication, error) {
	return s.claim(ctx, `
		WITH due AS (
			SELECT publication_id, due_at FROM order_publications WHERE attempts > 0 AND due_at <= now()
			ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
		), claimed AS (
			UPDATE order_publications p SET due_at = now() + $2::interval FROM due WHERE p.publication_id = due.publication_id
			RETURNING p.publication_id, p.order_ids, p.attempts, due.due_at AS was_due
		)
		SELECT publication_id, order_ids, attempts FROM claimed ORDER BY was_due`, limit, lease)
}

func (s *Store) claim(ctx context.Context, sql string, limit int, lease time.Duration) ([]order.Publication, error) {
	rows, err := s.pool.Query(ctx, sql, limit, lease)
	if err != nil {
		return nil, failed("claim publications", err)
	}
	claimed, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (order.Publication, error) {
		var p order.Publication
		err := row.Scan(&p.ID, &p.OrderIDs, &p.Attempts)
		return p, err
	})
	return claimed, failed("claim publications", err)
}

// FindPending returns those of the orders that are PENDING. IS TRUE keeps the planner from the index by status, which
// holds all that are.
func (s *Store) FindPending(ctx context.Context, ids []int64) ([]order.Order, error) {
	return s.orders(ctx, "find pending orders",
		`SELECT `+columns+` FROM orders o WHERE o.order_id = ANY($1) AND (o.status = 'PENDING') IS TRUE ORDER BY o.order_id`, ids)
}

// unflushed begins a transaction whose commit does not wait for the disk: a mark lost with the server costs a repeat.
var unflushed = pgx.TxOptions{BeginQuery: "BEGIN; SET LOCAL synchronous_commit = off"}

// MarkPublished counts an attempt and sets when the next is due.
func (s *Store) MarkPublished(ctx context.Context, ids []int64, again order.Backoff) error {
	// The exponent is bounded, or the product would overflow.
	const mark = `
		UPDATE order_publications
		SET attempts = attempts + 1, due_at = now() + least($2::interval * 2 ^ least(attempts, 30), $3::interval)
		WHERE publication_id = ANY($1)`
	return failed("mark publications", pgx.BeginTxFunc(ctx, s.pool, unflushed, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, mark, ids, again.Base, again.Limit)
		return err
	}))
}

// Release makes publications due.
func (s *Store) Release(ctx context.Context, ids []int64) error {
	_, err := s.pool.Exec(ctx, `UPDATE order_publications SET due_at = now() WHERE publication_id = ANY($1)`, ids)
	return failed("release publications", err)
}

// Recall makes due what the clock, gone back, has put off.
func (s *Store) Recall(ctx context.Context, lease time.Duration, again order.Backoff) (int, error) {
	done, err := s.pool.Exec(ctx, `
		WITH late AS (
			SELECT publication_id FROM order_publications
			WHERE due_at > now() + $1::interval
				AND (attempts = 0 OR due_at > now() + least($2::interval * 2 ^ least(attempts - 1, 30), $3::interval))
			FOR UPDATE SKIP LOCKED
		)
		UPDATE order_publications p SET due_at = now() FROM late WHERE p.publication_id = late.publication_id`,
		lease, again.Base, again.Limit)
	return int(done.RowsAffected()), failed("recall publications", err)
}

// Forget deletes publications.
func (s *Store) Forget(ctx context.Context, ids []int64) error {
	return failed("forget publications", pgx.BeginTxFunc(ctx, s.pool, unflushed, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM order_publications WHERE publication_id = ANY($1)`, ids)
		return err
	}))
}

// OldestUnpublished is when the oldest publication never yet published was made. Ids carry time, so it is the first.
func (s *Store) OldestUnpublished(ctx context.Context) (time.Time, error) {
	const first = `SELECT created_at FROM order_publications WHERE attempts = 0 ORDER BY publication_id LIMIT 1`
	var oldest time.Time
	err := s.pool.QueryRow(ctx, first).Scan(&oldest)
	if errors.Is(err, pgx.ErrNoRows) {
		return time.Time{}, nil
	}
	return oldest, failed("find the oldest unpublished order", err)
}
