package load

import (
	"math"
	"slices"
	"time"
)

// Latencies are durations measured, all of them kept: percentiles are exact.
type Latencies []time.Duration

// Percentile is the smallest latency that p percent are not above (nearest rank). The latencies must be sorted.
func (l Latencies) Percentile(p float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	rank := int(math.Ceil(p / 100 * float64(len(l))))
	return l[min(max(rank, 1), len(l))-1]
}

// merge puts what several connections measured together, sorted.
func merge(parts []Latencies) Latencies {
	all := slices.Concat(parts...)
	slices.Sort(all)
	return all
}
