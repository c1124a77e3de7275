package deadletter

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Condition is about one header.
type Condition struct {
	key     string
	negated bool
	value   *string        // equals, when not nil
	pattern *regexp.Regexp // matches, when not nil
	text    string
}

// ParseCondition reads KEY (is there), !KEY (is not), KEY=VALUE, KEY!=VALUE, KEY~REGEXP or KEY!~REGEXP. The negated forms
// also hold for a letter without the header.
func ParseCondition(text string) (Condition, error) {
	c := Condition{text: text}
	at := strings.IndexAny(text, "=~")
	switch {
	case at < 0:
		c.key, c.negated = strings.CutPrefix(text, "!")
	default:
		c.key, c.negated = strings.CutSuffix(text[:at], "!")
		value := text[at+1:]
		if text[at] == '=' {
			c.value = &value
			break
		}
		pattern, err := regexp.Compile(value)
		if err != nil {
			return Condition{}, fmt.Errorf("%q: %w", text, err)
		}
		c.pattern = pattern
	}
	if c.key == "" {
		return Condition{}, errors.New(strconv.Quote(text) + " names no header")
	}
	return c, nil
}

// String is the condition as ParseCondition reads it.
func (c Condition) String() string { return c.text }

func (c Condition) holds(headers []Header, families []Family) bool {
	isNumber := IsNumber(c.key, families)
	for _, h := range headers {
		if h.Key == c.key && (c.matches(string(h.Value)) || isNumber && c.matches(decimal(h.Value))) {
			return !c.negated
		}
	}
	return c.negated
}

func (c Condition) matches(value string) bool {
	switch {
	case c.value != nil:
		return value == *c.value
	case c.pattern != nil:
		return c.pattern.MatchString(value)
	default:
		return true
	}
}

// decimal is a binary number as text, and whatever is not a number as it is.
func decimal(value []byte) string {
	if n, ok := Number(value); ok {
		return strconv.FormatInt(n, 10)
	}
	return string(value)
}
