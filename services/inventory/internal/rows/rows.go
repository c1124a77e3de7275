// Package rows is how both stores write an order's items: one JSON object, short, and readable in SQL.
//
//	items    {"ABC-001":2,"XYZ":1}        sku to quantity
//	lacking  {"ABC-001":0,"XYZ":null}     sku to what was available, null when the sku was unknown
package rows

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/inventory"
)

// Items encodes an order's items.
func Items(items []event.Item) string {
	text := make([]byte, 0, 32*len(items))
	separator := byte('{')
	for _, item := range items {
		text = appendKey(append(text, separator), item.SKU)
		text = strconv.AppendInt(text, item.Qty, 10)
		separator = ','
	}
	return string(append(text, '}'))
}

// Lacking encodes what an order lacked.
func Lacking(lacking []inventory.Shortage) string {
	text := make([]byte, 0, 32*len(lacking))
	separator := byte('{')
	for _, shortage := range lacking {
		text = appendKey(append(text, separator), shortage.SKU)
		if shortage.Unknown {
			text = append(text, "null"...)
		} else {
			text = strconv.AppendInt(text, shortage.Available, 10)
		}
		separator = ','
	}
	return string(append(text, '}'))
}

func appendKey(text []byte, sku string) []byte {
	for i := range len(sku) {
		if c := sku[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, _ := json.Marshal(sku) // a string cannot fail
			return append(append(text, quoted...), ':')
		}
	}
	text = append(append(text, '"'), sku...)
	return append(text, '"', ':')
}

// DecodeItems reads what Items wrote.
func DecodeItems(text string) ([]event.Item, error) {
	var quantities map[string]int64
	if err := json.Unmarshal([]byte(text), &quantities); err != nil {
		return nil, fmt.Errorf("decode stored items: %w", err)
	}
	items := make([]event.Item, 0, len(quantities))
	for sku, qty := range quantities {
		items = append(items, event.Item{SKU: sku, Qty: qty})
	}
	slices.SortFunc(items, func(a, b event.Item) int { return cmp.Compare(a.SKU, b.SKU) })
	return items, nil
}

// DecodeLacking reads what Lacking wrote.
func DecodeLacking(text string) ([]inventory.Shortage, error) {
	var available map[string]*int64
	if err := json.Unmarshal([]byte(text), &available); err != nil {
		return nil, fmt.Errorf("decode stored shortages: %w", err)
	}
	lacking := make([]inventory.Shortage, 0, len(available))
	for sku, left := range available {
		shortage := inventory.Shortage{SKU: sku, Unknown: left == nil}
		if left != nil {
			shortage.Available = *left
		}
		lacking = append(lacking, shortage)
	}
	slices.SortFunc(lacking, func(a, b inventory.Shortage) int { return cmp.Compare(a.SKU, b.SKU) })
	return lacking, nil
}
