// Package clock tells when a wall clock cannot be trusted.
package clock

import (
	"sync"
	"time"
)

// tolerance is how far a wall clock may move between two looks beside the time that passed: it is set by a few seconds
// now and then, and a look takes a while.
const tolerance = 10 * time.Second

// Jumps watches a wall clock, a database's say, by the time that really passes. Whatever is deleted by age must be left
// alone for a while once the clock has jumped: to one that is ten hours ahead, what is an hour old seems to be eleven.
// The zero value is ready.
type Jumps struct {
	mu      sync.Mutex
	looked  time.Time // by this process's clock, which only counts
	wall    time.Time
	jumped  time.Time
	unquiet bool
}

// Quiet tells whether the wall clock, which shows now, has gone on evenly for so long. A process that has just begun to
// watch knows of no jump.
func (j *Jumps) Quiet(now time.Time, since time.Duration) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	at := time.Now()
	if !j.looked.IsZero() {
		// Without Round the wall clock would be compared by what it has in common with this process's.
		moved := now.Round(0).Sub(j.wall.Round(0)) - at.Sub(j.looked)
		if moved.Abs() > tolerance {
			j.jumped, j.unquiet = at, true
		}
	}
	j.looked, j.wall = at, now
	if j.unquiet && at.Sub(j.jumped) >= since {
		j.unquiet = false
	}
	return !j.unquiet
}
