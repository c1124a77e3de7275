package deadletter

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Filter chooses letters: all that is given must hold. The zero Filter chooses every letter.
type Filter struct {
	Headers    []Condition    // each must hold
	Exceptions []string       // one of them is the exception's or its cause's class, in full or without its package
	Message    *regexp.Regexp // found in the exception's message
	Topics     []string       // one of them is where the record came from
	Groups     []string       // one of them is the consumer group that gave it up
	Keys       []string       // one of them is the record's key
	Since      time.Time      // dead-lettered then or later
	Until      time.Time      // dead-lettered before
	Spans      []Span         // it lies in one of them
}

// Match tells whether the filter chooses a letter that died of f.
func (r Filter) Match(l Letter, f Failure, families []Family) bool {
	return r.matchPlace(l) && r.matchFailure(f) && r.matchHeaders(l, families)
}

func (r Filter) matchPlace(l Letter) bool {
	if !r.Since.IsZero() && l.Timestamp.Before(r.Since) || !r.Until.IsZero() && !l.Timestamp.Before(r.Until) {
		return false
	}
	if len(r.Spans) > 0 && !slices.ContainsFunc(r.Spans, func(s Span) bool { return s.holds(l.ID) }) {
		return false
	}
	return len(r.Keys) == 0 || l.Key != nil && slices.Contains(r.Keys, string(l.Key))
}

func (r Filter) matchFailure(f Failure) bool {
	if len(r.Topics) > 0 && !slices.Contains(r.Topics, f.Topic) || len(r.Groups) > 0 && !slices.Contains(r.Groups, f.Group) {
		return false
	}
	if r.Message != nil && !r.Message.MatchString(f.Message) {
		return false
	}
	return len(r.Exceptions) == 0 || slices.ContainsFunc(r.Exceptions, func(name string) bool {
		return isClass(f.Exception, name) || isClass(f.Cause, name)
	})
}

func (r Filter) matchHeaders(l Letter, families []Family) bool {
	for _, c := range r.Headers {
		if !c.holds(l.Headers, families) {
			return false
		}
	}
	return true
}

// isClass tells whether name is the class in full or its last part: a.b.Outer$Inner is also Outer$Inner and Inner.
func isClass(class, name string) bool {
	if class == name {
		return name != ""
	}
	before, found := strings.CutSuffix(class, name)
	return found && name != "" && (strings.HasSuffix(before, ".") || strings.HasSuffix(before, "$"))
}

// String is the filter as flags of the command line; empty for the filter that chooses everything.
func (r Filter) String() string {
	var flags []string
	add := func(flag, value string) { flags = append(flags, "--"+flag+"="+quote(value)) }
	for _, c := range r.Headers {
		add("header", c.String())
	}
	for _, e := range r.Exceptions {
		add("exception", e)
	}
	if r.Message != nil {
		add("message", r.Message.String())
	}
	for _, t := range r.Topics {
		add("origin", t)
	}
	for _, g := range r.Groups {
		add("group", g)
	}
	for _, k := range r.Keys {
		add("key", k)
	}
	if !r.Since.IsZero() {
		add("since", r.Since.UTC().Format(time.RFC3339Nano))
	}
	if !r.Until.IsZero() {
		add("until", r.Until.UTC().Format(time.RFC3339Nano))
	}
	for _, s := range r.Spans {
		flags = append(flags, s.String())
	}
	return strings.Join(flags, " ")
}

// quote makes a value one word of a command line.
func quote(value string) string {
	plain := func(r rune) bool {
		return r < 0x80 && (strings.ContainsRune("._-:/@+,=", r) || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z')
	}
	if value != "" && !strings.ContainsFunc(value, func(r rune) bool { return !plain(r) }) {
		return value
	}
	return strconv.Quote(value)
}
