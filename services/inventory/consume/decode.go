package consume

import (
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/inventory"
)

// maxCause bounds an event id that is passed on in a header.
const maxCause = 255

// decode reads an order and the id of the event that asked for it. The original's records have no headers, and a key
// that differs from the order id is none of our business: the value counts.
func decode(record *kafka.Record) (inventory.Order, string, error) {
	created, ok := fastDecode(record.Value)
	if !ok {
		var err error
		if created, err = event.DecodeOrderCreated(record.Value); err != nil {
			return inventory.Order{}, "", kafka.Fatal("undecodable", err)
		}
	}
	order, err := inventory.NewOrder(created)
	if err != nil {
		return inventory.Order{}, "", kafka.Fatal("invalid", err)
	}
	cause := created.EventID
	if cause == "" {
		cause = string(kafka.HeaderValue(record, event.HeaderID))
	}
	if len(cause) > maxCause {
		cause = "" // nobody's event id
	}
	return order, cause, nil
}
