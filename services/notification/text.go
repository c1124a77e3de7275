package notification

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text makes outside text fit to be stored and shown: valid UTF-8 without control characters (PostgreSQL refuses NUL),
// and no longer than limit bytes.
func Text(s string, limit int) string {
	if len(s) > 4*limit {
		s = s[:4*limit] // bounds the work below
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
