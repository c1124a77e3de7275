package inventory

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/openorder/openorder/services/internal/event"
)

// Limits of an order. They are wider than what the order service takes, so that it alone sets the rules for customers.
const (
	MaxSKULength = 255           // characters
	MaxQty       = 1_000_000_000 // of one sku, summed up
	MaxItems     = 10_000
)

// Order asks for stock.
type Order struct {
	ID          int64
	Items       []event.Item // sorted by sku, each once
	Fingerprint Fingerprint
}

// Fingerprint tells orders of the same id apart: a hash of the user and the items.
type Fingerprint [16]byte

// NewOrder checks what came over the wire and merges repeated skus. It keeps and sorts e.Items.
func NewOrder(e event.OrderCreated) (Order, error) {
	if e.OrderID <= 0 {
		return Order{}, fmt.Errorf("%w: orderId %d is not positive", ErrInvalid, e.OrderID)
	}
	if len(e.Items) == 0 {
		return Order{}, fmt.Errorf("%w: items is empty", ErrInvalid)
	}
	if len(e.Items) > MaxItems {
		return Order{}, fmt.Errorf("%w: %d items are more than %d", ErrInvalid, len(e.Items), MaxItems)
	}
	for i, item := range e.Items {
		if err := CheckSKU(item.SKU); err != nil {
			return Order{}, fmt.Errorf("items[%d].sku: %w", i, err)
		}
		if item.Qty < 1 || item.Qty > MaxQty {
			return Order{}, fmt.Errorf("%w: items[%d].qty %d is not within 1 and %d", ErrInvalid, i, item.Qty, MaxQty)
		}
	}
	items := merge(e.Items)
	for _, item := range items {
		if item.Qty > MaxQty {
			return Order{}, fmt.Errorf("%w: %d of %q in all is more than %d", ErrInvalid, item.Qty, item.SKU, MaxQty)
		}
	}
	return Order{ID: e.OrderID, Items: items, Fingerprint: fingerprint(e.UserID, items)}, nil
}

// CheckSKU refuses what no shelf can be called: nothing, too much, or what nobody can read.
func CheckSKU(sku string) error {
	if sku == "" {
		return fmt.Errorf("%w: is empty", ErrInvalid)
	}
	if len(sku) > MaxSKULength && utf8.RuneCountInString(sku) > MaxSKULength {
		return fmt.Errorf("%w: is longer than %d characters", ErrInvalid, MaxSKULength)
	}
	for i, r := range sku {
		// A JSON decoder puts U+FFFD where it finds no character; two different skus could become one.
		if r == utf8.RuneError || !unicode.IsGraphic(r) {
			return fmt.Errorf("%w: holds an unprintable character at byte %d", ErrInvalid, i)
		}
	}
	return nil
}

func merge(items []event.Item) []event.Item {
	if len(items) == 1 {
		return items
	}
	slices.SortFunc(items, func(a, b event.Item) int { return cmp.Compare(a.SKU, b.SKU) })
	merged := items[:1]
	for _, item := range items[1:] {
		if last := &merged[len(merged)-1]; last.SKU == item.SKU {
			last.Qty += item.Qty // MaxItems times MaxQty fits
		} else {
			merged = append(merged, item)
		}
	}
	return merged
}

func fingerprint(userID int64, items []event.Item) Fingerprint {
	var small [256]byte
	text := binary.BigEndian.AppendUint64(small[:0], uint64(userID))
	for _, item := range items {
		text = binary.AppendUvarint(text, uint64(len(item.SKU)))
		text = append(text, item.SKU...)
		text = binary.AppendVarint(text, item.Qty)
	}
	sum := sha256.Sum256(text)
	return Fingerprint(sum[:16])
}
