package notification

import "time"

// schedule is the wait before each attempt, as Standard Webhooks recommends it: ten attempts over three days.
var schedule = [...]time.Duration{
	0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour,
	5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// longestPause bounds what a receiver can ask for with Retry-After.
const longestPause = 24 * time.Hour

// Result is what became of one attempt. The zero value is a delivery.
type Result struct {
	Err        error
	Gone       bool          // the receiver wants no more of them, ever
	RetryAfter time.Duration // the receiver wants to be left alone for so long
}

// settle works out what follows from an attempt. jitter, from 0 to 1, spreads retries over a tenth of their wait, so
// that those that failed together do not come back together.
func settle(n Notification, r Result, jitter float64) Settlement {
	s := Settlement{ID: n.ID, Attempts: n.Attempts + 1}
	switch {
	case r.Err == nil:
		s.State = Delivered
		return s
	case r.Gone:
		s.State = Gone
	case s.Attempts >= len(schedule):
		s.State = GivenUp
	default:
		wait := schedule[s.Attempts]
		wait += time.Duration(jitter * float64(wait) / 10)
		s.State, s.RetryIn = Pending, max(wait, pause(r))
	}
	s.Error = Text(r.Err.Error(), 500)
	return s
}

func pause(r Result) time.Duration { return min(max(r.RetryAfter, 0), longestPause) }

// verdict is what a batch's results say about the receiver as a whole.
func verdict(results []Result) Verdict {
	var v Verdict
	for _, r := range results {
		v.Gone = v.Gone || (r.Err != nil && r.Gone)
		v.Pause = max(v.Pause, pause(r))
	}
	return v
}
