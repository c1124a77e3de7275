package deadletter

import (
	"slices"
	"strconv"
)

// Redriven is the headers of the record that a redrive makes of a letter: what is about the failure goes, what is about
// the record and its origin stays, and the redrives are counted. Key and value stay as they are.
func (l Letter) Redriven(families []Family) []Header {
	headers := make([]Header, 0, len(l.Headers)+1)
	for _, h := range l.Headers {
		if h.Key == HeaderRedrives || h.Key == HeaderTruncated && !l.Truncated() || aboutFailure(h.Key, families) {
			continue
		}
		headers = append(headers, h)
	}
	return append(headers, Header{HeaderRedrives, []byte(strconv.Itoa(l.Redrives() + 1))})
}

func aboutFailure(key string, families []Family) bool {
	return key != "" && slices.ContainsFunc(families, func(y Family) bool {
		return key == y.Exception || key == y.Cause || key == y.Message || slices.Contains(y.Other, key)
	})
}
