package postgres

import (
	"context"
	"fmt"
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
	args := []any{before, q.Limit}
	where := []string{"o.order_id < $1"}
	if q.UserID != 0 {
		args = append(args, q.UserID)
		where = append(where, "o.user_id = $3")
	}
	switch q.Status {
	case "":
	case order.Pending, order.Reserved, order.Rejected, order.Failed:
		// Literally, for a parameter would hide from the planner that the partial index fits.
		where = append(where, fmt.Sprintf("o.status = '%s'", q.Status))
	default:
		return nil, fmt.Errorf("list orders: no such status: %q", q.Status)
	}
	return s.orders(ctx, "list orders",
		`SELECT `+columns+` FROM orders o WHERE `+strings.Join(where, " AND ")+` ORDER BY o.order_id DESC LIMIT $2`, args...)
}

// Changed returns orders with news. Only those that something happened to are read, and few of these are still watched.
func (s *Store) Changed(ctx context.Context, seen []order.Seen) ([]order.Order, error) {
	known := make(map[int64]int, len(seen))
	ids := make([]int64, len(seen))
	for i, one := range seen {
		ids[i], known[one.OrderID] = one.OrderID, one.Entries
	}
	found, err := s.orders(ctx, "look for changed orders",
		`SELECT `+columns+` FROM orders o WHERE o.order_id = ANY($1) AND o.outcomes IS NOT NULL`, ids)
	return slices.DeleteFunc(found, func(o order.Order) bool { return 1+len(o.Outcomes) <= known[o.ID] }), err
}
