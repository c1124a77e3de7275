package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

var errNotUTF8 = errors.New("is not UTF-8")

// unmarshal is encoding/json's, without its leniency: text that is no UTF-8, and members that are there twice, of which
// one reader would take the first and another the last. huma reads a body twice, into any to validate it and then into
// what it is; the first time is enough to look.
func unmarshal(text []byte, into any) error {
	tree, first := into.(*any)
	if !first {
		return json.Unmarshal(text, into)
	}
	if !utf8.Valid(text) {
		return errNotUTF8
	}
	if err := json.Unmarshal(text, into); err != nil {
		return err
	}
	if membersIn(*tree) != colonsIn(text) {
		return duplicate(text)
	}
	return nil
}

// membersIn counts the members of all objects in a value.
func membersIn(value any) int {
	count := 0
	switch value := value.(type) {
	case map[string]any:
		count = len(value)
		for _, member := range value {
			count += membersIn(member)
		}
	case []any:
		for _, item := range value {
			count += membersIn(item)
		}
	}
	return count
}

// colonsIn counts the colons outside of strings of a JSON text: as many as there are members, were they written once or
// more often.
func colonsIn(text []byte) int {
	count := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case ':':
			count++
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		}
	}
	return count
}

// duplicate names the first member of a JSON text that its object has had before.
func duplicate(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	type level struct {
		names map[string]bool // nil in an array
		value bool            // a member's value is next
	}
	var levels []level
	ended := func() { // a value
		if n := len(levels); n > 0 {
			levels[n-1].value = false
		}
	}
	for {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		top := len(levels) - 1
		switch token := token.(type) {
		case json.Delim:
			switch token {
			case '{':
				levels = append(levels, level{names: map[string]bool{}})
			case '[':
				levels = append(levels, level{})
			default:
				levels = levels[:top]
				ended()
			}
			continue
		case string:
			if top >= 0 && levels[top].names != nil && !levels[top].value {
				if levels[top].names[token] {
					return fmt.Errorf("has the member %q twice in one object", token)
				}
				levels[top].names[token], levels[top].value = true, true
				continue
			}
		}
		ended()
	}
}
