// Package inventory decides who gets what: stock, the orders that ask for it, and the one outcome each order has.
//
// It is pure. Stores keep its types in one transaction a batch (postgres, sqlite), adapters bring orders in from Kafka
// (consume) and let people look and count (http).
package inventory

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxOnHand bounds what a shelf holds: a number that JavaScript holds exactly, and no sum of two overflows.
const MaxOnHand = 1_000_000_000_000_000

// Stock is one sku's shelf.
type Stock struct {
	SKU      string
	OnHand   int64 // what was put in
	Reserved int64 // what RESERVED orders hold, never more than OnHand
	Version  int64 // counts the changes of OnHand; reservations leave it alone
}

// Available is what the next order can have.
func (s Stock) Available() int64 { return s.OnHand - s.Reserved }

// Set counts the shelf anew.
func (s Stock) Set(onHand int64) (Stock, error) {
	if onHand < 0 || onHand > MaxOnHand {
		return s, fmt.Errorf("%w: onHand %d is not within 0 and %d", ErrInvalid, onHand, int64(MaxOnHand))
	}
	return s.become(onHand)
}

// Adjust puts delta in, or takes it out when it is negative.
func (s Stock) Adjust(delta int64) (Stock, error) {
	if delta == 0 || delta < -MaxOnHand || delta > MaxOnHand-s.OnHand {
		return s, fmt.Errorf("%w: delta %d is 0, or onHand %d and it are not within 0 and %d", ErrInvalid, delta, s.OnHand, int64(MaxOnHand))
	}
	return s.become(s.OnHand + delta)
}

func (s Stock) become(onHand int64) (Stock, error) {
	if onHand < s.Reserved {
		return s, fmt.Errorf("%w: %d are reserved, onHand cannot be %d", ErrBelowReserved, s.Reserved, onHand)
	}
	s.OnHand = onHand
	s.Version++
	return s, nil
}

// Precondition is what a change of stock may insist on; the zero value insists on nothing.
type Precondition struct {
	Exists   bool    // the sku has stock, of whatever version
	Absent   bool    // the sku has none yet
	Versions []int64 // the stock has one of these versions
}

// Check compares it with the stock as it is, nil when there is none.
func (p Precondition) Check(current *Stock) error {
	if p.Absent && current != nil {
		return fmt.Errorf("%w: %q has stock already", ErrPrecondition, current.SKU)
	}
	if (p.Exists || p.Versions != nil) && current == nil {
		return fmt.Errorf("%w: the sku has no stock", ErrPrecondition)
	}
	if p.Versions == nil {
		return nil
	}
	for _, version := range p.Versions {
		if version == current.Version {
			return nil
		}
	}
	return fmt.Errorf("%w: the stock of %q has been changed since, its version is %d", ErrPrecondition, current.SKU, current.Version)
}

// Adjustment is a change of stock with a reason. With a Key it happens once, however often it is asked for.
type Adjustment struct {
	SKU    string
	Delta  int64
	Reason string
	Key    string
}

// Fingerprint tells whether a key comes with the same adjustment again.
func (a Adjustment) Fingerprint() []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %d %q", a.SKU, a.Delta, a.Reason))
	return sum[:16]
}

// Movement is a change of what is on hand, kept for good.
type Movement struct {
	ID     int64 // later ones have higher ids
	At     time.Time
	Delta  int64
	OnHand int64  // after it
	Reason string // of an adjustment; empty: counted anew
}

// MaxReason bounds why an adjustment was made, in characters.
const MaxReason = 500

// CheckReason refuses what nobody can read.
func CheckReason(reason string) error {
	if reason == "" || utf8.RuneCountInString(reason) > MaxReason {
		return fmt.Errorf("%w: is empty or longer than %d characters", ErrInvalid, MaxReason)
	}
	if i := strings.IndexFunc(reason, func(r rune) bool { return r == utf8.RuneError || !unicode.IsGraphic(r) }); i >= 0 {
		return fmt.Errorf("%w: holds an unprintable character at byte %d", ErrInvalid, i)
	}
	return nil
}

// Totals sums the shelves up.
type Totals struct {
	SKUs     int64
	SoldOut  int64 // skus with nothing available
	OnHand   int64
	Reserved int64
}
