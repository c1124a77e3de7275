package inventory

import (
	"context"
	"time"
)

// Reserver keeps one outcome an order. Every error that is not one of this package is the database's: see
// database.Refused.
type Reserver interface {
	// Reserve decides a batch and keeps the outcomes, in one transaction: on an error nothing has changed, or the answer
	// to the commit was lost and asking again gives the outcomes stored. A Result an order, in the batch's order.
	Reserve(ctx context.Context, orders []Order, rules Rules) ([]Result, error)
	// Probe does to the same tables what Reserve does, and undoes it.
	Probe(ctx context.Context) error
}

// Shelves are what people count, and look at.
type Shelves interface {
	Stock(ctx context.Context, sku string) (Stock, error)
	// ListStock is in the order of the skus' bytes, from the first after the one given.
	ListStock(ctx context.Context, after string, limit int) ([]Stock, error)
	Totals(ctx context.Context) (Totals, error)
	// SetStock tells too whether the sku is new.
	SetStock(ctx context.Context, sku string, onHand int64, only Precondition) (stock Stock, created bool, err error)
	// AdjustStock answers a key that it has seen with the stock as it was then.
	AdjustStock(ctx context.Context, a Adjustment) (Stock, error)
	// Movements are those of a sku, the latest first, from the first before the one given; 0: from the latest.
	Movements(ctx context.Context, sku string, before int64, limit int) ([]Movement, error)
	Reservation(ctx context.Context, orderID int64) (Reservation, error)
	// ForgetKeys deletes some of the idempotency keys used before a time, and tells how many.
	ForgetKeys(ctx context.Context, before time.Time, limit int) (int, error)
}

// Store is a whole inventory.
type Store interface {
	Reserver
	Shelves
}
