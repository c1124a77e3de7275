package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/openorder/openorder/services/order"
)

// ClaimUnpublished leases publications never yet published.
func (s *Store) ClaimUnpublished(ctx context.Context, limit int, lease time.Duration) ([]order.Publication, error) {
	return s.claim(ctx, `attempts = 0 AND due_at <= ?1 ORDER BY publication_id LIMIT ?2`, limit, lease)
}

// ClaimUnanswered leases publications that are due again.
func (s *Store) ClaimUnanswered(ctx context.Context, limit int, lease time.Duration) ([]order.Publication, error) {
	return s.claim(ctx, `attempts > 0 AND due_at <= ?1 ORDER BY due_at LIMIT ?2`, limit, lease)
}

func (s *Store) claim(ctx context.Context, due string, limit int, lease time.Duration) ([]order.Publication, error) {
	type claim struct {
		order.Publication
		due int64
	}
	var claimed []claim
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		now := time.Now()
		var err error
		claimed, err = collect(ctx, tx, func(rows *sql.Rows) (claim, error) {
			var c claim
			var ids string
			if err := rows.Scan(&c.ID, &ids, &c.Attempts, &c.due); err != nil {
				return c, err
			}
			return c, json.Unmarshal([]byte(ids), &c.OrderIDs)
		}, `SELECT publication_id, order_ids, attempts, due_at FROM order_publications WHERE `+due, now.UnixMicro(), limit)
		if err != nil || len(claimed) == 0 {
			return err
		}
		ids := make([]int64, len(claimed))
		for i, c := range claimed {
			ids[i] = c.ID
		}
		_, err = tx.ExecContext(ctx, `UPDATE order_publications SET due_at = ?
			WHERE publication_id IN (SELECT value FROM json_each(?))`, now.Add(lease).UnixMicro(), list(ids))
		return err
	})
	slices.SortFunc(claimed, func(a, b claim) int {
		if a.Attempts == 0 {
			return cmp.Compare(a.ID, b.ID)
		}
		return cmp.Compare(a.due, b.due)
	})
	publications := make([]order.Publication, len(claimed))
	for i, c := range claimed {
		publications[i] = c.Publication
	}
	return publications, failed("claim publications", err)
}

// FindPending returns those of the orders that are PENDING. The plus sign keeps the planner from the index by status,
// which holds all that are.
func (s *Store) FindPending(ctx context.Context, ids []int64) ([]order.Order, error) {
	found, err := collect(ctx, s.read, scan, `SELECT `+columns+` FROM orders o
		WHERE o.order_id IN (SELECT value FROM json_each(?)) AND +o.status = 'PENDING' ORDER BY o.order_id`, list(ids))
	return found, failed("find pending orders", err)
}

// MarkPublished counts an attempt and sets when the next is due.
func (s *Store) MarkPublished(ctx context.Context, ids []int64, again order.Backoff) error {
	_, err := s.write.ExecContext(ctx, `UPDATE order_publications
		SET attempts = attempts + 1, due_at = ?1 + min(?2 << min(attempts, 20), ?3)
		WHERE publication_id IN (SELECT value FROM json_each(?4))`,
		time.Now().UnixMicro(), again.Base.Microseconds(), again.Limit.Microseconds(), list(ids))
	return failed("mark publications", err)
}

// Release makes publications due.
func (s *Store) Release(ctx context.Context, ids []int64) error {
	_, err := s.write.ExecContext(ctx, `UPDATE order_publications SET due_at = ?
		WHERE publication_id IN (SELECT value FROM json_each(?))`, time.Now().UnixMicro(), list(ids))
	return failed("release publications", err)
}

// Recall makes due what the clock, gone back, has put off.
func (s *Store) Recall(ctx context.Context, lease time.Duration, again order.Backoff) (int, error) {
	done, err := s.write.ExecContext(ctx, `UPDATE order_publications SET due_at = ?1
		WHERE due_at > ?1 + ?2 AND (attempts = 0 OR due_at > ?1 + min(?3 << min(attempts - 1, 20), ?4))`,
		time.Now().UnixMicro(), lease.Microseconds(), again.Base.Microseconds(), again.Limit.Microseconds())
	if err != nil {
		return 0, failed("recall publications", err)
	}
	count, err := done.RowsAffected()
	return int(count), failed("recall publications", err)
}

// Forget deletes publications.
func (s *Store) Forget(ctx context.Context, ids []int64) error {
	_, err := s.write.ExecContext(ctx,
		`DELETE FROM order_publications WHERE publication_id IN (SELECT value FROM json_each(?))`, list(ids))
	return failed("forget publications", err)
}

// OldestUnpublished is when the oldest publication never yet published was made. Ids carry time, so it is the first.
func (s *Store) OldestUnpublished(ctx context.Context) (time.Time, error) {
	var oldest int64
	err := s.read.QueryRowContext(ctx,
		`SELECT created_at FROM order_publications WHERE attempts = 0 ORDER BY publication_id LIMIT 1`).Scan(&oldest)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return time.UnixMicro(oldest).UTC(), failed("find the oldest unpublished order", err)
}
