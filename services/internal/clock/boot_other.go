//go:build !linux && !darwin

package clock

import "time"

var started = time.Now()

// sinceBoot counts by Go's clock, which stands still while the machine sleeps: a wake counts as a jump.
func sinceBoot() time.Duration { return time.Since(started) }
