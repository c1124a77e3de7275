package http

import (
	"context"
	"time"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/inventory"
)

type reservation struct {
	OrderID   int64          `json:"orderId"`
	Status    string         `json:"status" enum:"RESERVED,REJECTED"`
	Reason    string         `json:"reason,omitempty" enum:"OUT_OF_STOCK,UNKNOWN_SKU"`
	DecidedAt time.Time      `json:"decidedAt"`
	EventID   string         `json:"eventId" doc:"Of the outcome's event, the same however often it is emitted."`
	Items     []reservedItem `json:"items"`
}

type reservedItem struct {
	SKU       string `json:"sku"`
	Qty       int64  `json:"qty"`
	Lacked    string `json:"lacked,omitempty" enum:"OUT_OF_STOCK,UNKNOWN_SKU" doc:"Why this item kept the order from being reserved."`
	Available *int64 `json:"available,omitempty" doc:"What there was of an item that was out of stock, when it was decided."`
}

type reservationAnswer struct{ Body reservation }

func (a *api) getReservation(ctx context.Context, in *struct {
	OrderID int64 `path:"orderId" minimum:"1"`
}) (*reservationAnswer, error) {
	r, err := a.shelves.Reservation(ctx, in.OrderID)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &reservationAnswer{reservation{
		OrderID: r.OrderID, Status: r.Status(), Reason: string(r.Reason), DecidedAt: r.At,
		EventID: event.OutcomeEventID(r.OrderID).String(), Items: itemByItem(r),
	}}, nil
}

// itemByItem lays what lacked, which is sorted as the items are, beside them.
func itemByItem(r inventory.Reservation) []reservedItem {
	items, lacking := make([]reservedItem, len(r.Items)), r.Lacking
	for i, item := range r.Items {
		items[i] = reservedItem{SKU: item.SKU, Qty: item.Qty}
		if len(lacking) == 0 || lacking[0].SKU != item.SKU {
			continue
		}
		if lacking[0].Unknown {
			items[i].Lacked = string(inventory.UnknownSKU)
		} else {
			items[i].Lacked, items[i].Available = string(inventory.OutOfStock), &lacking[0].Available
		}
		lacking = lacking[1:]
	}
	return items
}
