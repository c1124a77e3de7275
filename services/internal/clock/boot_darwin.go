package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// sinceBoot counts on while the machine sleeps, as wall clocks do and Go's own does not; see boot_linux.go.
func sinceBoot() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // every macOS that Go runs on has it
	return time.Duration(t.Nano())
}
