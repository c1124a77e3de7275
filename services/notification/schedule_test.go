package notification

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWhatFollowsFromAnAttempt(t *testing.T) {
	t.Parallel()
	failure := errors.New("503")
	for name, test := range map[string]struct {
		before int // attempts
		result Result
		jitter float64
		want   Settlement
	}{
		"delivered":                      {0, Result{}, 0, Settlement{State: Delivered, Attempts: 1}},
		"delivered at last":              {9, Result{}, 0, Settlement{State: Delivered, Attempts: 10}},
		"the second comes soon":          {0, Result{Err: failure}, 0, Settlement{State: Pending, Attempts: 1, RetryIn: 5 * time.Second, Error: "503"}},
		"the third takes its time":       {1, Result{Err: failure}, 0, Settlement{State: Pending, Attempts: 2, RetryIn: 5 * time.Minute, Error: "503"}},
		"jitter adds a tenth at most":    {1, Result{Err: failure}, 1, Settlement{State: Pending, Attempts: 2, RetryIn: 330 * time.Second, Error: "503"}},
		"the tenth comes a day later":    {8, Result{Err: failure}, 0, Settlement{State: Pending, Attempts: 9, RetryIn: 24 * time.Hour, Error: "503"}},
		"given up after ten":             {9, Result{Err: failure}, 0, Settlement{State: GivenUp, Attempts: 10, Error: "503"}},
		"gone":                           {3, Result{Err: failure, Gone: true}, 0, Settlement{State: Gone, Attempts: 4, Error: "503"}},
		"Retry-After that is longer":     {0, Result{Err: failure, RetryAfter: time.Hour}, 0, Settlement{State: Pending, Attempts: 1, RetryIn: time.Hour, Error: "503"}},
		"Retry-After that is shorter":    {1, Result{Err: failure, RetryAfter: time.Second}, 0, Settlement{State: Pending, Attempts: 2, RetryIn: 5 * time.Minute, Error: "503"}},
		"Retry-After of a year is a day": {0, Result{Err: failure, RetryAfter: 365 * 24 * time.Hour}, 0, Settlement{State: Pending, Attempts: 1, RetryIn: 24 * time.Hour, Error: "503"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, settle(Notification{Attempts: test.before}, test.result, test.jitter)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAReceiverIsJudgedByAllOfItsResults(t *testing.T) {
	t.Parallel()
	got := verdict([]Result{{}, {Err: errors.New("429"), RetryAfter: time.Minute}, {Err: errors.New("410"), Gone: true}})
	if want := (Verdict{Gone: true, Pause: time.Minute}); got != want {
		t.Errorf("want %+v, got %+v", want, got)
	}
}
