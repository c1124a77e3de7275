package order

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/openorder/openorder/services/internal/event"
)

// Draft is what somebody asks for.
type Draft struct {
	UserID int64
	Items  event.Items
}

// Problem is one thing that is wrong with a draft, and where: "body.items[0].qty".
type Problem struct {
	Location string
	Message  string
	Value    any
}

// Invalid is the error for a draft that can never be taken.
type Invalid []Problem

func (i Invalid) Error() string {
	lines := make([]string, len(i))
	for n, problem := range i {
		lines[n] = problem.Location + ": " + problem.Message
	}
	return "invalid order: " + strings.Join(lines, "; ")
}

// Check reports everything that is wrong with a draft, and otherwise returns it with duplicate skus merged into the
// first place each stands at.
func (d Draft) Check() (Draft, error) {
	var problems Invalid
	refuse := func(value any, message, location string, args ...any) {
		problems = append(problems, Problem{Location: fmt.Sprintf(location, args...), Message: message, Value: value})
	}
	if d.UserID < 1 || d.UserID > MaxUserID {
		refuse(d.UserID, fmt.Sprintf("must lie between 1 and %d", int64(MaxUserID)), "body.userId")
	}
	if len(d.Items) == 0 {
		refuse(nil, "must hold at least one item", "body.items")
	}
	if len(d.Items) > MaxItems {
		refuse(len(d.Items), fmt.Sprintf("must hold at most %d items", MaxItems), "body.items")
		return Draft{}, problems
	}
	merged := make(event.Items, 0, len(d.Items))
	for i, item := range d.Items {
		if fault := skuFault(item.SKU); fault != "" {
			refuse(item.SKU, fault, "body.items[%d].sku", i)
		}
		if item.Qty < 1 || item.Qty > MaxQty {
			refuse(item.Qty, fmt.Sprintf("must lie between 1 and %d", MaxQty), "body.items[%d].qty", i)
			continue
		}
		at := indexOf(merged, item.SKU)
		if at < 0 {
			merged = append(merged, item)
			continue
		}
		// Both lie in 1..MaxQty, so the sum cannot overflow.
		if merged[at].Qty+item.Qty > MaxQty {
			refuse(item.Qty, fmt.Sprintf("together with the same sku before must be at most %d", MaxQty), "body.items[%d].qty", i)
			continue
		}
		merged[at].Qty += item.Qty
	}
	if len(problems) > 0 {
		return Draft{}, problems
	}
	return Draft{UserID: d.UserID, Items: merged}, nil
}

// indexOf looks through the items one by one: there are at most MaxItems, and nearly always few.
func indexOf(items event.Items, sku string) int {
	for i := range items {
		if items[i].SKU == sku {
			return i
		}
	}
	return -1
}

func skuFault(sku string) string {
	switch {
	case sku == "":
		return "must not be empty"
	case utf8.RuneCountInString(sku) > MaxSKU:
		return fmt.Sprintf("must have at most %d characters", MaxSKU)
	case strings.TrimSpace(sku) != sku:
		return "must not begin or end with a space"
	}
	for _, r := range sku {
		// What was no UTF-8, or half a surrogate pair, arrives as the replacement character.
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return fmt.Sprintf("must hold printable characters only, not %U", r)
		}
	}
	return ""
}

// fingerprint tells contents apart, for idempotency keys: it is the same for requests that differ only in white space
// or in the order of JSON's members.
func (d Draft) fingerprint() [sha256.Size]byte {
	text := make([]byte, 0, 256)
	text = binary.AppendVarint(text, d.UserID)
	for _, item := range d.Items {
		text = binary.AppendUvarint(text, uint64(len(item.SKU)))
		text = append(text, item.SKU...)
		text = binary.AppendVarint(text, item.Qty)
	}
	return sha256.Sum256(text)
}
