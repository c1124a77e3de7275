package notification

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// mark is what one Send came to.
type mark struct {
	settlements []Settlement
	verdict     Verdict
}

// marker writes down the results of one receiver's attempts, as many in a transaction as have come in meanwhile. A slot
// is free again only when its result is written, which bounds what is in memory while the ledger is away.
type marker struct {
	courier  *Courier
	claimant Claimant
	slots    chan struct{}
	marks    chan mark
	retries  chan struct{} // one that failed is written, so the time of the next attempt is another
	behind   atomic.Bool   // the ledger refused a result, and some have not been written since
	done     sync.WaitGroup
	stop     context.CancelFunc
}

func newMarker(c *Courier, claimant Claimant, slots chan struct{}) *marker {
	ctx, stop := context.WithCancel(context.Background())
	m := &marker{
		courier: c, claimant: claimant, slots: slots, marks: make(chan mark, cap(slots)), retries: make(chan struct{}, 1), stop: stop,
	}
	m.done.Go(func() {
		for first := range m.marks {
			m.write(ctx, first)
		}
	})
	return m
}

// close waits until every attempt has ended and is written, or the time for that is over.
func (m *marker) close() {
	deadline := time.AfterFunc(2*grace, m.stop)
	defer deadline.Stop()
	defer m.stop()
	for range cap(m.slots) {
		m.slots <- struct{}{}
	}
	close(m.marks)
	m.done.Wait()
}

// write settles a mark and those that came in meanwhile, and tries again for as long as the ledger is away: giving a
// result up would mean telling somebody twice.
func (m *marker) write(ctx context.Context, all mark) {
	count := 1
	for more := true; more; {
		select {
		case next := <-m.marks:
			count++
			all.settlements = append(all.settlements, next.settlements...)
			all.verdict.Gone = all.verdict.Gone || next.verdict.Gone
			all.verdict.Pause = max(all.verdict.Pause, next.verdict.Pause)
		default:
			more = false
		}
	}
	for !m.settle(ctx, all) {
		m.behind.Store(true)
		select {
		case <-ctx.Done():
		case <-time.After(retryLedger):
			continue
		}
		break
	}
	if len(m.marks) == 0 {
		m.behind.Store(false)
	}
	for range count {
		<-m.slots
	}
}

func (m *marker) settle(ctx context.Context, all mark) bool {
	if len(all.settlements) == 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := m.courier.Ledger.Settle(ctx, m.claimant, all.settlements, all.verdict)
	if err != nil {
		m.courier.report(fmt.Errorf("mark notifications: %w", err))
		return false
	}
	if slices.ContainsFunc(all.settlements, func(s Settlement) bool { return s.State == Pending }) {
		select {
		case m.retries <- struct{}{}:
		default:
		}
	}
	return true
}
