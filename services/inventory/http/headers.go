package http

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/dunglas/httpsfv"

	"github.com/openorder/openorder/services/inventory"
)

// etag names a version of what was put in. Reservations leave it alone, or nobody could count a shelf that sells; so a
// GET is not to be answered from a cache by it, and If-None-Match is honoured only where it says "none yet".
func etag(s inventory.Stock) string { return `"` + strconv.FormatInt(s.Version, 10) + `"` }

var entityTag = regexp.MustCompile(`^\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(,|$)`)

// precondition reads If-Match and If-None-Match as RFC 9110 has it.
func precondition(ifMatch, ifNoneMatch string) (inventory.Precondition, error) {
	var only inventory.Precondition
	switch strings.TrimSpace(ifNoneMatch) {
	case "":
	case "*":
		only.Absent = true
	default:
		return only, misplaced("header.If-None-Match", ifNoneMatch, errors.New("only * is of use here"))
	}
	switch rest := strings.TrimSpace(ifMatch); rest {
	case "":
	case "*":
		only.Exists = true
	default:
		only.Versions = []int64{}
		for rest != "" {
			tag := entityTag.FindStringSubmatch(rest)
			if tag == nil {
				return only, misplaced("header.If-Match", ifMatch, errors.New(`neither * nor a list of entity tags, such as "3"`))
			}
			rest = rest[len(tag[0]):]
			// Strong comparison: a weak tag matches nothing, and nor does one that we never gave.
			if version, err := strconv.ParseInt(tag[2], 10, 64); err == nil && tag[1] == "" {
				only.Versions = append(only.Versions, version)
			}
		}
	}
	return only, nil
}

const maxKey = 255

var bareKey = regexp.MustCompile(`^[\x21\x23-\x7e]+$`)

// idempotencyKey reads a structured field's string, and the same without quotes.
func idempotencyKey(header string) (string, error) {
	key := strings.TrimSpace(header)
	if key == "" {
		return "", nil
	}
	if !bareKey.MatchString(key) {
		item, err := httpsfv.UnmarshalItem([]string{key})
		text, isString := item.Value.(string)
		if err != nil || !isString || text == "" {
			return "", misplaced("header.Idempotency-Key", header, errors.New(`not a string such as "8e03978e-40d5-43dd-bc93-6894a57f9324"`))
		}
		key = text
	}
	if len(key) > maxKey {
		return "", misplaced("header.Idempotency-Key", header, fmt.Errorf("longer than %d characters", maxKey))
	}
	return key, nil
}
