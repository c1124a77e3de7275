package sqlite

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/openorder/openorder/services/order"
)

// List returns a page of orders, newest first.
func (s *Store) List(ctx context.Context, q order.Query) ([]order.Order, error) {
	before := q.Before
	if before == 0 {
		before = math.MaxInt64
	}
	where, args := []string{"o.order_id < ?"}, []any{before}
	if q.UserID != 0 {
		where, args = append(where, "o.user_id = ?"), append(args, q.UserID)
	}
	if q.Status != "" {
		where, args = append(where, "o.status = ?"), append(args, string(q.Status))
		if q.Status != order.Reserved {
			where = append(where, "o.status <> 'RESERVED'") // so that the partial index fits
		}
	}
	found, err := collect(ctx, s.read, scan, `SELECT `+columns+` FROM orders o WHERE `+strings.Join(where, " AND ")+
		` ORDER BY o.order_id DESC LIMIT ?`, append(args, q.Limit)...)
	return found, failed("list orders", err)
}

// Changed returns orders with news.
func (s *Store) Changed(ctx context.Context, seen []order.Seen) ([]order.Order, error) {
	known := make(map[int64]int, len(seen))
	ids := make([]int64, len(seen))
	for i, one := range seen {
		ids[i], known[one.OrderID] = one.OrderID, one.Entries
	}
	found, err := collect(ctx, s.read, scan, `SELECT `+columns+` FROM orders o
		WHERE o.order_id IN (SELECT value FROM json_each(?)) AND o.outcomes IS NOT NULL`, list(ids))
	return slices.DeleteFunc(found, func(o order.Order) bool { return 1+len(o.Outcomes) <= known[o.ID] }), failed("look for changed orders", err)
}
