// Package event is the wire format that every service and tool agrees on: topic names, consumer groups,
// JSON payloads and headers. It knows nothing of a Kafka client.
//
// The payloads' fields are those of the Spring Boot original and are never changed; whatever is new travels in headers
// (CloudEvents binary mode and W3C trace context), so that a consumer written for the original reads ours.
package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"
)

// Topics.
const (
	TopicOrderCreated      = "order.created"
	TopicInventoryReserved = "inventory.reserved"
	TopicInventoryRejected = "inventory.rejected"
	TopicDeadLetter        = "order.created.DLT"
)

// Consumer groups. All start at the earliest offset.
const (
	GroupOrder        = "order-service"
	GroupInventory    = "inventory-service"
	GroupNotification = "notification-service"
)

// Header keys. CloudEvents' Kafka binding, binary mode, prefixes attributes with ce_.
const (
	HeaderSpecVersion = "ce_specversion"
	HeaderID          = "ce_id"
	HeaderSource      = "ce_source"
	HeaderType        = "ce_type"
	HeaderTime        = "ce_time"
	HeaderSubject     = "ce_subject"
	// HeaderCausation holds the eventId of the order.created event that an outcome answers. The order service applies
	// only outcomes caused by its own event.
	HeaderCausation   = "ce_causationid"
	HeaderContentType = "content-type"
	HeaderTraceParent = "traceparent"
	HeaderTraceState  = "tracestate"
)

// Status of an outcome event.
const (
	StatusReserved = "RESERVED"
	StatusRejected = "REJECTED"
)

// Item is one line of an order.
type Item struct {
	SKU string `json:"sku"`
	Qty int64  `json:"qty"`
}

// Items is a list of items. It also decodes the single object that the original's code wanted.
type Items []Item

// UnmarshalJSON takes a list or a single object.
func (items *Items) UnmarshalJSON(data []byte) error {
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		var one Item
		if err := json.Unmarshal(data, &one); err != nil {
			return err
		}
		*items = Items{one}
		return nil
	}
	return json.Unmarshal(data, (*[]Item)(items))
}

// OrderCreated is the value of a record in order.created; its key is the order id as decimal text.
type OrderCreated struct {
	EventID   string `json:"eventId"`
	OrderID   int64  `json:"orderId"`
	UserID    int64  `json:"userId"`
	Items     Items  `json:"items"`
	CreatedAt Time   `json:"createdAt"`
}

// Outcome is the value of a record in inventory.reserved or inventory.rejected; its key is the order id as decimal text.
type Outcome struct {
	EventID   string `json:"eventId"`
	OrderID   int64  `json:"orderId"`
	Timestamp Time   `json:"timestamp"`
	Status    string `json:"status"`
	Reason    string `json:"reason,omitempty"`
}

// Topic tells where an outcome is published.
func (o Outcome) Topic() string {
	if o.Status == StatusReserved {
		return TopicInventoryReserved
	}
	return TopicInventoryRejected
}

// DecodeOrderCreated reads a record's value. An error means that the record can never be read: it is fatal.
func DecodeOrderCreated(value []byte) (OrderCreated, error) {
	var e OrderCreated
	if err := json.Unmarshal(value, &e); err != nil {
		return OrderCreated{}, fmt.Errorf("decode order.created: %w", err)
	}
	if e.OrderID <= 0 {
		return OrderCreated{}, errors.New("decode order.created: orderId is missing or not positive")
	}
	return e, nil
}

// DecodeOutcome reads the value of a record of inventory.reserved or inventory.rejected.
func DecodeOutcome(value []byte) (Outcome, error) {
	var e Outcome
	if err := json.Unmarshal(value, &e); err != nil {
		return Outcome{}, fmt.Errorf("decode outcome: %w", err)
	}
	if e.OrderID <= 0 {
		return Outcome{}, errors.New("decode outcome: orderId is missing or not positive")
	}
	if e.Status != StatusReserved && e.Status != StatusRejected {
		return Outcome{}, fmt.Errorf("decode outcome: status %q is neither RESERVED nor REJECTED", e.Status)
	}
	return e, nil
}

// Key is the record key of everything about an order.
func Key(orderID int64) []byte { return strconv.AppendInt(nil, orderID, 10) }

// outcomeNamespace makes outcome event ids deterministic: a repeat is recognisable by its id.
var outcomeNamespace = uuid.MustParse("6f1ad5a3-6d5c-5a55-9a0e-0d0f1f9a1c11")

// OutcomeEventID is the event id of an order's one outcome, the same however often it is emitted.
func OutcomeEventID(orderID int64) uuid.UUID {
	return uuid.NewSHA1(outcomeNamespace, Key(orderID))
}
