package command

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable makes text that somebody else wrote safe for a terminal: whatever is not a visible letter or a space
// (control bytes of both sets, direction marks, line separators, broken UTF-8) is shown as an escape.
func printable(text string) string { return escape(text, "") }

// printableLines is printable that keeps line ends and tabs.
func printableLines(text string) string { return escape(text, "\n\t") }

func escape(text, keep string) string {
	var out strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, text[i])
		case unicode.IsPrint(r) || strings.ContainsRune(keep, r):
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\t':
			out.WriteString(`\t`)
		case r == '\r':
			out.WriteString(`\r`)
		case r < 0x80:
			fmt.Fprintf(&out, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			fmt.Fprintf(&out, `\U%08x`, r)
		}
		i += size
	}
	return out.String()
}

// isText tells whether bytes read best as text: UTF-8 without control bytes other than white space.
func isText(value []byte) bool {
	return utf8.Valid(value) && !bytes.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\t\r", r) })
}

// pretty shows a value: JSON indented, other text as it is, bytes as a hex dump. The second result names which.
func pretty(value []byte) (text, kind string) {
	var indented bytes.Buffer
	switch {
	case len(value) > 0 && json.Indent(&indented, value, "", "  ") == nil:
		return printableLines(strings.TrimRight(indented.String(), " \n\r\t")), "JSON"
	case isText(value):
		return printableLines(string(value)), "text"
	default:
		return strings.TrimRight(hex.Dump(value), "\n"), "binary"
	}
}

// shorten cuts a text to so many letters, on one line.
func shorten(text string, limit int) string {
	text = printable(strings.Join(strings.Fields(text), " "))
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit-1]) + "…"
}

// encodeJSON is one line of JSON in which nothing reaches a terminal that is not visible: encoding/json leaves the second
// set of control characters, DEL and direction marks as they are.
func encodeJSON(v any) ([]byte, error) {
	var plain bytes.Buffer
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, r := range strings.TrimSuffix(plain.String(), "\n") {
		switch {
		case unicode.IsPrint(r):
			out.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			high, low := utf16Pair(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		}
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func utf16Pair(r rune) (high, low rune) {
	r -= 0x10000
	return 0xd800 + r>>10, 0xdc00 + r&0x3ff
}
