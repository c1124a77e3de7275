package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Time is an instant in RFC 3339, UTC, with at most microseconds, as both databases keep it. It also decodes what Jackson
// writes for a java.time.Instant when dates are numbers: seconds, with a fraction.
type Time struct{ time.Time }

// At makes a Time of t in UTC, cut to microseconds.
func At(t time.Time) Time { return Time{t.UTC().Truncate(time.Microsecond)} }

// Sane is the first of several times that somebody can have meant: not none at all, and none that JSON or a database cannot hold.
// Where none is left, it is now.
func Sane(times ...time.Time) time.Time {
	for _, t := range times {
		if t.Year() >= 1970 && t.Year() <= 9998 {
			return At(t).Time
		}
	}
	return At(time.Now()).Time
}

// MarshalJSON writes RFC 3339.
func (t Time) MarshalJSON() ([]byte, error) { return t.UTC().MarshalJSON() }

// UnmarshalJSON takes RFC 3339 text or seconds since 1970.
func (t *Time) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	if len(data) > 0 && data[0] != '"' {
		var seconds float64
		if err := json.Unmarshal(data, &seconds); err != nil {
			return fmt.Errorf("neither RFC 3339 nor seconds: %s", data)
		}
		if math.Abs(seconds) > 1e11 {
			return fmt.Errorf("not a time in seconds since 1970: %s", data)
		}
		whole, fraction := math.Modf(seconds)
		*t = At(time.Unix(int64(whole), int64(fraction*1e9)))
		return nil
	}
	return t.Time.UnmarshalJSON(data)
}
