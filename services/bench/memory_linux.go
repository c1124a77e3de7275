package bench

import (
	"fmt"
	"os"
	"strings"
)

// peakMemory is the most that a running process had resident, as the kernel kept it; residentMemory what it has now.
// 0: unknown. (The peak in a dead process's rusage is no use: it begins with that of the process that started it.)
func peakMemory(pid int) int64     { return statusBytes(pid, "VmHWM:") }
func residentMemory(pid int) int64 { return statusBytes(pid, "VmRSS:") }

func statusBytes(pid int, field string) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), field)
	var kib int64
	if _, err := fmt.Sscanf(rest, "%d kB", &kib); err != nil {
		return 0
	}
	return kib << 10
}
