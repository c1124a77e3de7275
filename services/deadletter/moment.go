package deadletter

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseMoment reads how long ago (90s, 2h30m, 7d), a time in RFC 3339, or a day (2026-03-01, from midnight UTC).
func ParseMoment(text string, now time.Time) (time.Time, error) {
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a duration (2h30m, 7d) nor a time (2026-03-01T08:00:00Z)", text)
}
