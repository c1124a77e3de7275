package notification_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/notification"
)

func TestAFailingReceiverIsTriedOnScheduleAndThenGivenUp(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, d *desk) {
		failing := newReceiver(refuses)
		d.hire("anna", failing, d.ledger)
		d.record([]string{"anna"}, 1)
		time.Sleep(100 * time.Hour)
		got := failing.attempts(reserved(1, "anna"))
		schedule := []time.Duration{
			5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour,
			20 * time.Hour, 24 * time.Hour,
		}
		if len(got) != len(schedule)+1 {
			t.Fatalf("%d attempts", len(got))
		}
		for i, least := range schedule {
			if wait := got[i+1].Sub(got[i]); wait < least || wait > least+least/10+time.Second {
				t.Errorf("attempt %d came %s after the one before, want %s and a tenth at most", i+2, wait, least)
			}
		}
		n := d.state(reserved(1, "anna"))
		if n.State != notification.GivenUp || n.Attempts != 10 || n.LastError != "503" {
			t.Errorf("%s after %d attempts: %s", n.State, n.Attempts, n.LastError)
		}
		d.stop()
		d.couriers.Wait()
		if said := d.said.String(); !strings.Contains(said, `"order_id":1,"trace_id":"`+traceID+`"`) {
			t.Errorf("the log does not say which order and trace: %s", said)
		}
	})
}

func TestAReArmedNotificationIsTriedAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, d *desk) {
		anna := newReceiver(func(_ notification.Notification, attempt int) notification.Result {
			if attempt == 1 {
				return notification.Result{Err: errors.New("410"), Gone: true}
			}
			return notification.Result{}
		})
		d.hire("anna", anna, d.ledger)
		d.record([]string{"anna"}, 1)
		time.Sleep(time.Hour)
		d.record([]string{"anna"}, 2)
		time.Sleep(time.Hour)
		for _, order := range []int64{1, 2} {
			if n := d.state(reserved(order, "anna")); n.State != notification.Gone {
				t.Errorf("order %d: %s", order, n.State)
			}
		}
		if anna.delivered() != 1 {
			t.Errorf("a receiver that is gone got %d notifications", anna.delivered())
		}
		if _, err := d.ledger.Rearm(t.Context(), reserved(1, "anna")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if n := d.state(reserved(1, "anna")); n.State != notification.Delivered || n.Attempts != 1 {
			t.Errorf("%s after %d attempts: %s", n.State, n.Attempts, n.LastError)
		}
	})
}

func TestAReceiverThatAsksForAPauseGetsItForAllItsNotifications(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, d *desk) {
		began := time.Now()
		anna := newReceiver(func(n notification.Notification, attempt int) notification.Result {
			if n.OrderID == 1 && attempt == 1 {
				return notification.Result{Err: errors.New("429"), RetryAfter: 10 * time.Minute}
			}
			return notification.Result{}
		})
		d.record([]string{"anna"}, 1)
		wake := d.hire("anna", anna, d.ledger)
		time.Sleep(10 * time.Second)
		d.record([]string{"anna"}, 2)
		wake <- struct{}{}
		time.Sleep(time.Hour)
		for _, order := range []int64{1, 2} {
			tries := anna.attempts(reserved(order, "anna"))
			if last := tries[len(tries)-1].Sub(began); last < 10*time.Minute || last > 11*time.Minute {
				t.Errorf("order %d was delivered after %s", order, last)
			}
		}
	})
}

func TestASlowReceiverHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, d *desk) {
		slow := newReceiver(func(notification.Notification, int) notification.Result {
			time.Sleep(notification.SendTimeout)
			return notification.Result{Err: errors.New("time-out")}
		})
		quick := newReceiver(accepts)
		d.hire("anna", slow, d.ledger)
		wake := d.hire("bert", quick, d.ledger)
		var orders []int64
		for id := range int64(200) {
			orders = append(orders, id+1)
		}
		d.record([]string{"anna", "bert"}, orders...)
		wake <- struct{}{}
		time.Sleep(time.Second)
		if quick.delivered() != 200 {
			t.Errorf("the quick receiver got %d of 200 in a second", quick.delivered())
		}
		if slow.delivered() > 4 {
			t.Errorf("the slow receiver had %d requests at once", slow.delivered())
		}
	})
}

func TestTwoReplicasDoNotSendTwice(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, d *desk) {
		anna := newReceiver(func(notification.Notification, int) notification.Result {
			time.Sleep(10 * time.Second) // long, but within the time-out
			return notification.Result{}
		})
		d.hire("anna", anna, d.ledger)
		d.hire("anna", anna, d.ledger)
		d.record([]string{"anna"}, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
		time.Sleep(10 * time.Minute)
		for order := range int64(12) {
			if got := anna.attempts(reserved(order+1, "anna")); len(got) != 1 {
				t.Errorf("order %d was sent %d times", order+1, len(got))
			}
		}
	})
}

// forgetful is a ledger whose Settle fails as long as a test says so.
type forgetful struct {
	notification.CourierLedger
	away func() bool
}

func (f forgetful) Settle(ctx context.Context, c notification.Claimant, s []notification.Settlement, v notification.Verdict) error {
	if f.away() {
		return errors.New("the ledger is away")
	}
	return f.CourierLedger.Settle(ctx, c, s, v)
}

func TestAResultIsKeptWhileTheLedgerIsAway(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, d *desk) {
		back := time.Now().Add(30 * time.Second)
		anna := newReceiver(accepts)
		d.record([]string{"anna"}, 1)
		d.hire("anna", anna, forgetful{d.ledger, func() bool { return time.Now().Before(back) }})
		time.Sleep(time.Hour)
		if got := anna.attempts(reserved(1, "anna")); len(got) != 1 {
			t.Errorf("sent %d times", len(got))
		}
		if n := d.state(reserved(1, "anna")); n.State != notification.Delivered {
			t.Errorf("%s after %d attempts: %s", n.State, n.Attempts, n.LastError)
		}
	})
}

// dead is a ledger that nobody reaches for a while.
type dead struct {
	forgetful
}

func (d dead) Claim(ctx context.Context, c notification.Claimant, limit int, hold, idle time.Duration) (notification.Claim, error) {
	if d.away() {
		return notification.Claim{}, errors.New("the ledger is away")
	}
	return d.forgetful.Claim(ctx, c, limit, hold, idle)
}

func TestALedgerThatWasAwayForLongerThanAClaimGetsTheResultsFirst(t *testing.T) {
	t.Parallel()
	for _, orders := range [][]int64{{1}, {1, 2, 3}} {
		inBubble(t, func(t *testing.T, d *desk) {
			began := time.Now()
			anna := newReceiver(func(notification.Notification, int) notification.Result {
				time.Sleep(500 * time.Millisecond) // so that looks and marks come by turns
				return notification.Result{}
			})
			d.record([]string{"anna"}, orders...)
			d.hire("anna", anna, dead{forgetful{d.ledger, func() bool {
				took := time.Since(began)
				return took > 100*time.Millisecond && took < 2*time.Minute
			}}})
			time.Sleep(time.Hour)
			for _, order := range orders {
				if got := anna.attempts(reserved(order, "anna")); len(got) != 1 {
					t.Errorf("order %d was sent %d times", order, len(got))
				}
			}
		})
	}
}

// freezing is a ledger on a server that froze with a connection's question; a failover's next one answers.
type freezing struct {
	notification.CourierLedger
	claims, settles *atomic.Int32
}

func (f freezing) Claim(ctx context.Context, c notification.Claimant, limit int, hold, idle time.Duration) (notification.Claim, error) {
	if f.claims.Add(1) == 1 {
		<-ctx.Done()
	}
	return f.CourierLedger.Claim(ctx, c, limit, hold, idle)
}

func (f freezing) Settle(ctx context.Context, c notification.Claimant, s []notification.Settlement, v notification.Verdict) error {
	if f.settles.Add(1) == 1 {
		<-ctx.Done()
	}
	return f.CourierLedger.Settle(ctx, c, s, v)
}

func TestAServerThatFreezesHoldsNoCourierUpForGood(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, d *desk) {
		anna := newReceiver(accepts)
		d.record([]string{"anna"}, 1)
		d.hire("anna", anna, freezing{d.ledger, &atomic.Int32{}, &atomic.Int32{}})
		time.Sleep(5 * time.Minute)
		if n := d.state(reserved(1, "anna")); n.State != notification.Delivered {
			t.Errorf("%s after %d attempts: %s", n.State, n.Attempts, n.LastError)
		}
		if got := anna.attempts(reserved(1, "anna")); len(got) != 1 {
			t.Errorf("sent %d times", len(got))
		}
	})
}

// A crash between sending and marking is a courier whose marks never arrive.
func TestACrashBetweenSendingAndMarkingMeansOneMoreWithTheSameID(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, d *desk) {
		began := time.Now()
		anna := newReceiver(accepts)
		d.record([]string{"anna"}, 1)
		d.hire("anna", anna, forgetful{d.ledger, func() bool { return true }})
		time.Sleep(10 * time.Second)
		d.stop() // the ledger never comes back: the courier is as good as killed
		d.couriers.Wait()
		d.ctx, d.stop = context.WithCancel(t.Context())
		d.hire("anna", anna, d.ledger)
		time.Sleep(time.Hour)
		got := anna.attempts(reserved(1, "anna"))
		if len(got) != 2 {
			t.Fatalf("sent %d times", len(got))
		}
		if again := got[1].Sub(began); again < time.Minute || again > 70*time.Second {
			t.Errorf("sent again after %s, want it when the claim has ended", again)
		}
	})
}

func TestNothingIsClaimedWhileTheSenderIsNotReady(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, d *desk) {
		anna := newReceiver(accepts)
		anna.ready = errors.New("the secret does not exist yet")
		d.hire("anna", anna, d.ledger)
		d.record([]string{"anna"}, 1)
		time.Sleep(time.Hour)
		if n := d.state(reserved(1, "anna")); n.State != notification.Pending || n.Attempts != 0 {
			t.Errorf("%s after %d attempts: %s", n.State, n.Attempts, n.LastError)
		}
		anna.mu.Lock()
		anna.ready = nil
		anna.mu.Unlock()
		time.Sleep(time.Minute)
		if n := d.state(reserved(1, "anna")); n.State != notification.Delivered {
			t.Errorf("%s after %d attempts: %s", n.State, n.Attempts, n.LastError)
		}
	})
}

func TestAPanickingSenderCountsAsAFailure(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, d *desk) {
		d.record([]string{"anna"}, 1)
		d.hire("anna", newReceiver(func(notification.Notification, int) notification.Result { panic("oh") }), d.ledger)
		time.Sleep(time.Second)
		if n := d.state(reserved(1, "anna")); n.State != notification.Pending || n.Attempts != 1 || n.LastError != "sender panicked: oh" {
			t.Errorf("%s after %d attempts: %s", n.State, n.Attempts, n.LastError)
		}
	})
}

// cutOff waits until its context ends, as a request does that the service's stop cuts off.
type cutOff struct{}

func (cutOff) Ready() error { return nil }
func (cutOff) Send(ctx context.Context, _ []notification.Notification) []notification.Result {
	<-ctx.Done()
	return []notification.Result{{Err: fmt.Errorf("post: %w", ctx.Err())}}
}

func TestAnAttemptCutOffByTheStopDoesNotCount(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, d *desk) {
		d.record([]string{"anna"}, 1)
		d.hire("anna", cutOff{}, d.ledger)
		time.Sleep(10 * time.Second)
		began := time.Now()
		d.stop()
		d.couriers.Wait()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the stop took %s", took)
		}
		n := d.state(reserved(1, "anna"))
		if diff := cmp.Diff([]any{notification.Pending, 0}, []any{n.State, n.Attempts}); diff != "" {
			t.Error(diff)
		}
		if n.DueAt.After(time.Now()) {
			t.Errorf("due in %s", time.Until(n.DueAt))
		}
	})
}
