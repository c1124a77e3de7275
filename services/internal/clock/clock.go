// Package clock tells when a wall clock cannot be trusted.
package clock

import "time"

// tolerance is how far a wall clock may move between two looks beside the time that passed: it is set by a few seconds
// now and then, and a look takes a while.
const tolerance = 10 * time.Second

// Jumps watches a wall clock, a database's say, by the time that really passes. Whatever is deleted by age must be left
// alone for a while once the clock has jumped: to one that is ten hours ahead, what is an hour old seems to be eleven.
// The zero value is ready, for one goroutine.
type Jumps struct {
	passed func() time.Duration // of a test; nil is sinceBoot
	looked time.Duration
	wall   time.Time     // what it showed then; zero before the first look
	jumped time.Duration // when it did; 0 once that is long enough ago
}

// Quiet tells whether the wall clock, which shows now, has gone on evenly for so long. A process that has just begun to
// watch knows of no jump.
func (j *Jumps) Quiet(now time.Time, since time.Duration) bool {
	passed := j.passed
	if passed == nil {
		passed = sinceBoot
	}
	at := passed()
	if !j.wall.IsZero() {
		// Without Round the wall clock would be compared by what it has in common with this process's.
		moved := now.Round(0).Sub(j.wall.Round(0)) - (at - j.looked)
		if moved.Abs() > tolerance {
			j.jumped = at
		}
	}
	j.looked, j.wall = at, now
	if at-j.jumped >= since {
		j.jumped = 0
	}
	return j.jumped == 0
}
