package notification

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/openorder/openorder/services/internal/event"
)

// SendTimeout bounds one attempt.
const SendTimeout = 15 * time.Second

const (
	// hold is how long a claim lasts. It outlasts the attempt and the marking, so that no other replica sends meanwhile.
	hold = 60 * time.Second
	// sendBefore is the age a claim may have when its attempt starts; a process that was frozen longer leaves it.
	sendBefore = hold - 2*SendTimeout
	// idle is the longest wait between two looks at the ledger: what a replica recorded before it died is found by then.
	idle = 15 * time.Second
	// breath is the shortest: what is due may be locked by another replica's claim, which takes milliseconds.
	breath = 20 * time.Millisecond
	// retryLedger is the wait after the ledger failed, and retryReady that for a sender which is not ready.
	retryLedger = time.Second
	retryReady  = time.Second
	// patience is how long the ledger may take to answer: a server that froze never does, and after a failover the next one does.
	patience = 20 * time.Second
	// grace is how long attempts under way may go on when the service stops.
	grace = 4 * time.Second
)

// CourierLedger is what a courier needs of the ledger.
type CourierLedger interface {
	// Claim takes up to limit notifications of a receiver that are due, longest due first, and keeps other couriers from
	// them for as long as hold says. Of a receiver that asked for a pause it takes none. Next is at most idle.
	Claim(ctx context.Context, c Claimant, limit int, hold, idle time.Duration) (Claim, error)
	// Settle ends attempts. A delivery is always written down; anything else only while the claim is still held, and Gone
	// only while the receiver is.
	Settle(ctx context.Context, c Claimant, settlements []Settlement, verdict Verdict) error
}

// Claimant is one courier's run: what it claimed is told from what others claimed after it was too slow.
type Claimant struct {
	Receiver string
	Run      uuid.UUID
}

// Courier delivers to one receiver. A courier each keeps a slow receiver from holding up others.
type Courier struct {
	Receiver Receiver
	Ledger   CourierLedger
	Wake     <-chan struct{} // new notifications were recorded
	Log      *slog.Logger
	// Report is told what the courier waits for, nil when it waits for nothing.
	Report func(error)
	// Observe is told of each attempt, what came of it and how long the Send took that it was part of.
	Observe func(n Notification, s Settlement, took time.Duration)

	mu   sync.Mutex
	said string // what was last logged as waited for
}

// report shows what deliveries wait for, and logs it when it changes.
func (c *Courier) report(err error) {
	c.Report(err)
	text := ""
	if err != nil {
		text = err.Error()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if text == c.said {
		return
	}
	c.said = text
	if err != nil {
		c.Log.Warn("deliveries wait", "receiver", c.Receiver.ID, "error", err)
		return
	}
	c.Log.Info("deliveries go on", "receiver", c.Receiver.ID)
}

// Run delivers until ctx is done; attempts under way then have a few seconds to end.
func (c *Courier) Run(ctx context.Context) error {
	sending, stop := graceful(ctx)
	defer stop()
	slots := make(chan struct{}, c.Receiver.Parallel)
	claimant := Claimant{Receiver: c.Receiver.ID, Run: uuid.New()}
	marker := newMarker(c, claimant, slots)
	defer marker.close()
	for {
		free := c.acquire(ctx, slots)
		if free == 0 {
			return nil
		}
		wait := c.round(ctx, sending, free, slots, marker)
		c.pause(ctx, wait, marker.retries)
	}
}

// acquire takes all free slots, and waits for one when there is none. It takes none when ctx is done.
func (c *Courier) acquire(ctx context.Context, slots chan struct{}) int {
	if ctx.Err() != nil {
		return 0
	}
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return 0
	}
	for free := 1; ; free++ {
		select {
		case slots <- struct{}{}:
		default:
			return free
		}
	}
}

// round claims what is due for as many Sends as there are slots, starts them, and returns how long to wait before the
// next look.
func (c *Courier) round(ctx, sending context.Context, free int, slots chan struct{}, marker *marker) time.Duration {
	used := 0
	defer func() {
		for range free - used {
			<-slots
		}
	}()
	if marker.behind.Load() {
		return retryLedger // what was sent long ago and is not written yet would be claimed, and sent again
	}
	if err := c.Receiver.Sender.Ready(); err != nil {
		c.report(err)
		return retryReady
	}
	claimed := time.Now()
	limit := free * c.Receiver.Batch
	claim, err := c.claim(ctx, marker.claimant, limit)
	if err != nil {
		if ctx.Err() == nil {
			c.report(fmt.Errorf("claim notifications: %w", err))
		}
		return retryLedger
	}
	c.report(nil)
	// An order's failure comes before the outcome that it came to after all.
	slices.SortStableFunc(claim.Notifications, func(a, b Notification) int { return a.At.Compare(b.At) })
	for batch := range slices.Chunk(claim.Notifications, c.Receiver.Batch) {
		used++
		go c.deliver(sending, claimed, claim, batch, marker)
	}
	if len(claim.Notifications) == limit {
		return 0
	}
	return max(claim.Next, breath)
}

func (c *Courier) claim(ctx context.Context, claimant Claimant, limit int) (Claim, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return c.Ledger.Claim(ctx, claimant, limit, hold, idle)
}

// deliver makes one attempt for each of a batch and hands the results to the marker.
func (c *Courier) deliver(ctx context.Context, claimed time.Time, claim Claim, batch []Notification, marker *marker) {
	var mark mark
	defer func() { marker.marks <- mark }()
	if time.Since(claimed) > sendBefore {
		return // the claim may end before the attempt does; whoever claims next sends
	}
	var results []Result
	began := time.Now()
	if claim.Gone {
		results = slices.Repeat([]Result{{Err: errGone, Gone: true}}, len(batch))
	} else {
		results = c.send(ctx, batch)
		mark.verdict = verdict(results)
	}
	took := time.Since(began)
	for i, n := range batch {
		s := settle(n, results[i], rand.Float64())
		if ctx.Err() != nil && results[i].Err != nil {
			// Cut off by our own stop: the attempt does not count, and the next one need not wait.
			s = Settlement{ID: n.ID, State: Pending, Attempts: n.Attempts, Error: n.LastError}
		}
		if claim.Gone {
			s.Attempts = n.Attempts // there was none
		}
		if s.State == GivenUp || (s.State == Gone && !claim.Gone) {
			c.Log.Warn("a notification was not delivered; it can be re-armed", "notification_id", n.ID.String(), "order_id", n.OrderID,
				event.TraceID(n.TraceParent), "receiver", n.Receiver, "state", s.State, "attempts", s.Attempts, "error", s.Error)
		}
		c.Observe(n, s, took)
		mark.settlements = append(mark.settlements, s)
	}
}

var errGone = errors.New("the receiver answered 410 Gone to another notification")

// send recovers from a sender's panic, which would otherwise take every other receiver's deliveries with it.
func (c *Courier) send(ctx context.Context, batch []Notification) (results []Result) {
	defer func() {
		if p := recover(); p != nil {
			c.Log.Error("sender panicked", "receiver", c.Receiver.ID, "panic", p)
			results = slices.Repeat([]Result{{Err: fmt.Errorf("sender panicked: %v", p)}}, len(batch))
		}
	}()
	return c.Receiver.Sender.Send(ctx, batch)
}

func (c *Courier) pause(ctx context.Context, wait time.Duration, retries <-chan struct{}) {
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.Wake:
	case <-retries:
	case <-ctx.Done():
	}
}

// graceful is a context that ends a while after ctx does.
func graceful(ctx context.Context) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return later, func() { stop(); cancel() }
}
