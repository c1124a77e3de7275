package topic

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// sets are the keys whose value is a list in which order means nothing.
var sets = []string{"cleanup.policy", "leader.replication.throttled.replicas", "follower.replication.throttled.replicas"}

// SameValue tells whether two values of a key mean the same to a broker: 1e3 and 1000, TRUE and true, "delete,compact" and
// "compact, delete".
func SameValue(key, a, b string) bool {
	if a == b {
		return true
	}
	if slices.Contains(sets, key) {
		return slices.Equal(elements(a), elements(b))
	}
	a, b = Canonical(a), Canonical(b)
	if a == b {
		return true
	}
	x, isNumber := number(a)
	y, both := number(b)
	return isNumber && both && x.Cmp(y) == 0
}

// Canonical is a value in the form that brokers take: numbers in plain digits, booleans in small letters.
func Canonical(text string) string {
	trimmed := strings.TrimSpace(text)
	if strings.EqualFold(trimmed, "true") || strings.EqualFold(trimmed, "false") {
		return strings.ToLower(trimmed)
	}
	if n, ok := number(trimmed); ok {
		if n.IsInt() {
			return n.Num().String()
		}
		return decimal(n)
	}
	return text
}

// decimal is a number with as many digits as it takes, and no exponent.
func decimal(n *big.Rat) string {
	digits, exact := n.FloatPrec()
	if !exact {
		return n.RatString()
	}
	return n.FloatString(digits)
}

// number reads a decimal number. Exponents are bounded: 1e999999999 is a text like any other.
func number(text string) (*big.Rat, bool) {
	if text == "" || len(text) > 64 || strings.Trim(text, "+-0123456789.eE") != "" {
		return nil, false
	}
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		if exponent, err := strconv.Atoi(text[i+1:]); err != nil || exponent > 40 || exponent < -40 {
			return nil, false
		}
	}
	return new(big.Rat).SetString(text)
}

func elements(list string) []string {
	var parts []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	slices.Sort(parts)
	return slices.Compact(parts)
}

// shorter tells whether a limit is stricter than another; negative means without limit.
func shorter(old, now string) bool {
	a, aKnown := number(old)
	b, bKnown := number(now)
	switch {
	case !aKnown || !bKnown || b.Sign() < 0:
		return false
	case a.Sign() < 0:
		return true
	}
	return b.Cmp(a) < 0
}
