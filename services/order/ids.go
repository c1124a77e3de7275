package order

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// idEpoch is where the time in order ids begins, in Unix milliseconds: 2024-01-01T00:00:00Z.
const idEpoch = 1_704_067_200_000

// leastID is where order ids begin by a clock that is far behind.
const leastID = 1 << 30

// FirstID is the smallest order id that may be claimed at a time: milliseconds since 2024 times 4096. It stays below
// 2^53, what JavaScript holds exactly, until 2093, and lies far above the ids below 100,000 that the Spring Boot
// original draws.
//
// The database holds one number, the next free id. A claim of n ids sets it to max(next, FirstID(now)) + n, by the database's
// clock. So ids are unique over replicas and restarts. A clock that jumps back changes nothing, for next never
// falls. And a database restored from a backup, whose next is an old one, begins above every id given out since the
// backup, because next never runs ahead of the clock: that would take 4096 ids a millisecond.
func FirstID(now time.Time) int64 { return max((now.UnixMilli()-idEpoch)<<12, leastID) }

// IDTime is about when an order id was claimed.
func IDTime(id int64) time.Time { return time.UnixMilli(id>>12 + idEpoch) }

// ids hands out order ids from blocks. A block not used up after a second is thrown away, so that ids go on carrying time.
type ids struct {
	source IDSource
	now    func() time.Time

	mu      sync.Mutex
	next    int64
	end     int64
	expires time.Time
}

// take returns the first of n consecutive ids.
func (i *ids) take(ctx context.Context, n int64) (int64, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.end-i.next < n || !i.now().Before(i.expires) {
		block := max(n, idBlock)
		first, err := i.source.ClaimIDs(ctx, block)
		if err != nil {
			return 0, fmt.Errorf("claim order ids: %w", err)
		}
		i.next, i.end, i.expires = first, first+block, i.now().Add(time.Second)
	}
	first := i.next
	i.next += n
	return first, nil
}
