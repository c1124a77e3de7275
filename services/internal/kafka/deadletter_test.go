package kafka

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

func count(r *Record, key string) (n int) {
	for _, h := range r.Headers {
		if h.Key == key {
			n++
		}
	}
	return n
}

func TestHeadersOfARecordDeadLetteredAgainAndAgainStayBounded(t *testing.T) {
	t.Parallel()
	r := &Record{Topic: "t", Value: []byte("v")}
	for i := range 100 {
		letter := newDeadLetter("t.DLT", fmt.Sprint("group ", i), r, Fatal("invalid", errors.New("no")))
		r = &Record{Topic: "t", Offset: int64(i), Value: letter.Value, Headers: letter.Headers}
	}
	if n := count(r, HeaderOriginalTopic); n != maxOrigins || count(r, HeaderExceptionMessage) != 1 {
		t.Errorf("%d origins and %d messages, want %d and 1", n, count(r, HeaderExceptionMessage), maxOrigins)
	}
	var groups []string
	for _, h := range r.Headers {
		if h.Key == HeaderOriginalGroup {
			groups = append(groups, string(h.Value))
		}
	}
	if groups[0] != "group 0" || groups[1] != "group 91" || groups[9] != "group 99" {
		t.Errorf("kept the origins of %q, want the first and the last nine", groups)
	}
}

func TestACutRecordStaysMarkedAsCut(t *testing.T) {
	t.Parallel()
	for mark, stays := range map[string]bool{"stacktrace": false, "stacktrace,value": true, "value": true} {
		r := &Record{Topic: "t", Headers: []Header{{Key: HeaderTruncated, Value: []byte(mark)}}}
		if letter := newDeadLetter("t.DLT", "g", r, errors.New("no")); (count(letter, HeaderTruncated) == 1) != stays {
			t.Errorf("%s: headers %q", mark, letter.Headers)
		}
	}
}

func TestShrinkingEndsAndTellsWhatItCut(t *testing.T) {
	t.Parallel()
	r := &Record{Topic: "t", Value: bytes.Repeat([]byte("v"), 3<<20), Headers: []Header{{Key: "own", Value: []byte("x")}}}
	letter := newDeadLetter("t.DLT", "g", r, errors.New("no"))
	steps := 0
	for shrink(letter) {
		steps++
	}
	if len(letter.Value) != 0 || steps > 30 || string(HeaderValue(letter, HeaderTruncated)) != "stacktrace,value,headers" || HeaderValue(letter, HeaderOriginalTopic) == nil {
		t.Errorf("after %d steps: %d bytes, cut %q", steps, len(letter.Value), HeaderValue(letter, HeaderTruncated))
	}
}
