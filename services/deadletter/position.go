package deadletter

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Span is a range of a partition's offsets, From included, To not.
type Span struct {
	Partition int32
	From, To  int64
}

// ParseSpan reads PARTITION, PARTITION:OFFSET, PARTITION:FROM-TO (both included) or PARTITION:FROM-.
func ParseSpan(text string) (Span, error) {
	wrong := fmt.Errorf("%q is none of PARTITION, PARTITION:OFFSET, PARTITION:FROM-TO, PARTITION:FROM-", text)
	partition, offsets, ranged := strings.Cut(text, ":")
	p, err := strconv.ParseUint(partition, 10, 31)
	if err != nil {
		return Span{}, wrong
	}
	span := Span{Partition: int32(p), To: math.MaxInt64}
	if !ranged {
		return span, nil
	}
	from, to, isRange := strings.Cut(offsets, "-")
	if span.From, err = offset(from); err != nil {
		return Span{}, wrong
	}
	switch {
	case !isRange:
		span.To = span.From + 1
	case to != "":
		if span.To, err = offset(to); err != nil || span.To < span.From {
			return Span{}, wrong
		}
		span.To++
	}
	return span, nil
}

func offset(text string) (int64, error) {
	n, err := strconv.ParseUint(text, 10, 62)
	return int64(n), err
}

// String is the span as ParseSpan reads it.
func (s Span) String() string {
	switch {
	case s.From == 0 && s.To == math.MaxInt64:
		return strconv.Itoa(int(s.Partition))
	case s.To == math.MaxInt64:
		return fmt.Sprintf("%d:%d-", s.Partition, s.From)
	case s.To == s.From+1:
		return fmt.Sprintf("%d:%d", s.Partition, s.From)
	default:
		return fmt.Sprintf("%d:%d-%d", s.Partition, s.From, s.To-1)
	}
}

func (s Span) holds(id ID) bool {
	return s.Partition == id.Partition && s.From <= id.Offset && id.Offset < s.To
}
