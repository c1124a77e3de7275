//go:build !linux

package bench

import (
	"os/exec"
	"strconv"
	"strings"
)

// peakMemory is what a process has resident in the end: there is no telling what it had at most. 0: unknown.
func peakMemory(pid int) int64 { return residentMemory(pid) }

func residentMemory(pid int) int64 {
	out, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return 0
	}
	kib, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}
