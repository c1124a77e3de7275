package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/openorder/openorder/services/inventory"
)

// sampleOnHand is what SampleStock puts on each shelf.
const sampleOnHand = 1000

// SampleStock puts something on the shelves ABC-001 to ABC-010, and FAIL, when there are none. See Config.AtStart.
func SampleStock(ctx context.Context, shelves inventory.Shelves) error {
	totals, err := shelves.Totals(ctx)
	if err != nil || totals.SKUs > 0 {
		return err
	}
	skus := []string{"FAIL"}
	for n := 1; n <= 10; n++ {
		skus = append(skus, fmt.Sprintf("ABC-%03d", n))
	}
	for _, sku := range skus {
		_, _, err := shelves.SetStock(ctx, sku, sampleOnHand, inventory.Precondition{Absent: true})
		if err != nil && !errors.Is(err, inventory.ErrPrecondition) {
			return fmt.Errorf("put in sample stock: %w", err)
		}
	}
	return nil
}
