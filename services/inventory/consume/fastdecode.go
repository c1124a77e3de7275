package consume

import (
	"github.com/openorder/openorder/services/internal/event"
)

// fastDecode reads an order.created written as our order service writes it: known fields once each, plain ASCII, no
// spaces. Whatever else it meets, it leaves to encoding/json, at five times the cost; what it takes, it takes as
// encoding/json would (see FuzzFastDecode).
func fastDecode(value []byte) (event.OrderCreated, bool) {
	s := scanner{text: string(value)}
	var e event.OrderCreated
	var seen [5]bool
	once := func(field int) {
		s.failed = s.failed || seen[field]
		seen[field] = true
	}
	s.expect('{')
	for more := true; more && !s.failed; more = s.more('}') {
		switch s.key() {
		case "eventId":
			once(0)
			e.EventID = s.string()
		case "orderId":
			once(1)
			e.OrderID = s.int()
		case "userId":
			once(2)
			e.UserID = s.int()
		case "items":
			once(3)
			e.Items = s.items()
		case "createdAt":
			once(4)
			start := s.at
			s.string()
			if !s.failed && e.CreatedAt.UnmarshalJSON([]byte(s.text[start:s.at])) != nil {
				s.failed = true
			}
		default:
			s.failed = true
		}
	}
	return e, !s.failed && s.at == len(s.text) && e.OrderID > 0
}

// scanner walks over a text until it fails.
type scanner struct {
	text   string
	at     int
	failed bool
}

func (s *scanner) expect(c byte) {
	if s.failed || s.at >= len(s.text) || s.text[s.at] != c {
		s.failed = true
		return
	}
	s.at++
}

// more tells whether a comma follows; the end otherwise has to.
func (s *scanner) more(end byte) bool {
	if !s.failed && s.at < len(s.text) && s.text[s.at] == ',' {
		s.at++
		return true
	}
	s.expect(end)
	return false
}

func (s *scanner) key() string {
	key := s.string()
	s.expect(':')
	return key
}

// string is a piece of the text, not a copy.
func (s *scanner) string() string {
	s.expect('"')
	for start := s.at; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"' && !s.failed:
			s.at++
			return s.text[start : s.at-1]
		case c < ' ' || c > '~' || c == '\\':
			s.failed = true
			return ""
		}
	}
	s.failed = true
	return ""
}

// int is a number of up to 18 digits, which cannot overflow.
func (s *scanner) int() int64 {
	start, n := s.at, int64(0)
	for ; s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9'; s.at++ {
		if s.at-start == 18 {
			s.failed = true
			return 0
		}
		n = 10*n + int64(s.text[s.at]-'0')
	}
	if s.at == start || (s.text[start] == '0' && s.at-start > 1) {
		s.failed = true
	}
	return n
}

func (s *scanner) items() event.Items {
	items := make(event.Items, 0, 1)
	s.expect('[')
	for more := true; more && !s.failed; more = s.more(']') {
		items = append(items, s.item())
	}
	return items
}

func (s *scanner) item() event.Item {
	s.expect('{')
	var item event.Item
	if s.key() != "sku" {
		s.failed = true
	}
	item.SKU = s.string()
	s.expect(',')
	if s.key() != "qty" {
		s.failed = true
	}
	item.Qty = s.int()
	s.expect('}')
	return item
}
