// Package smoke places orders on a running system from outside and follows each to its outcome: one for a test of an
// installation, many at a steady rate for a look at an upgrade.
package smoke

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"
)

// Command is `openorder smoke`.
type Command struct {
	OrderURL string
	SKU      string
	Quantity int64
	UserID   int64
	Expect   []string
	Count    int
	Rate     float64
	Duration time.Duration
	Timeout  time.Duration

	Strict bool

	transport http.RoundTripper // nil is the network
}

// AddFlags registers the flags.
func (c *Command) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&c.OrderURL, "order-url", "http://127.0.0.1:8080", "`URL` of the order service ($ORDER_URL).")
	f.StringVar(&c.SKU, "sku", "ABC-001", "The `SKU` that is ordered.")
	f.Int64Var(&c.Quantity, "quantity", 1, "How many of it.")
	f.Int64Var(&c.UserID, "user-id", 42, "`ID` of the user who orders.")
	f.StringSliceVar(&c.Expect, "expect", []string{"RESERVED", "REJECTED"}, "`STATUS,...` that orders may end in: RESERVED, REJECTED, FAILED.")
	f.IntVar(&c.Count, "count", 1, "Orders to place, unless --duration is given.")
	f.Float64Var(&c.Rate, "rate", 20, "Orders a second.")
	f.DurationVar(&c.Duration, "duration", 0, "Place orders for that long, in place of --count (default none).")
	f.DurationVar(&c.Timeout, "timeout", time.Minute, "How long each order may take to be accepted and decided.")
	f.BoolVar(&c.Strict, "strict", false, "Count an order whose POST met a broken connection as failed: from two replicas on there should be none.")
}

// Orders a second: what lies beyond is no interval of a ticker.
const minRate, maxRate = 0.001, 100_000.0

// Validate reports everything that is wrong, each with its flag.
func (c *Command) Validate() error {
	var errs []error
	if u, err := url.Parse(c.OrderURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		errs = append(errs, fmt.Errorf("--order-url: %q is not http://HOST:PORT", c.OrderURL))
	}
	if !(c.Rate >= minRate && c.Rate <= maxRate) { // NaN is neither
		errs = append(errs, fmt.Errorf("--rate: must be within %g and %g", minRate, maxRate))
	}
	if c.Count < 1 && c.Duration == 0 {
		errs = append(errs, errors.New("--count: must be at least 1"))
	}
	if c.Duration < 0 {
		errs = append(errs, errors.New("--duration: must not be negative"))
	}
	for _, status := range c.Expect {
		if !final(status) {
			errs = append(errs, fmt.Errorf("--expect: %q is none of RESERVED, REJECTED, FAILED", status))
		}
	}
	return errors.Join(errs...)
}

// Run places the orders and waits for their outcomes. It fails when an order was refused, got no outcome in time, or
// got one that was not expected; being put off by Retry-After is no failure.
func (c *Command) Run(ctx context.Context, out io.Writer) error {
	client := &client{base: strings.TrimRight(c.OrderURL, "/"), http: &http.Client{Transport: cmp.Or(c.transport, connections()), Timeout: 15 * time.Second}}
	started := time.Now()
	total := &tally{outcomes: map[string]int{}}
	var orders sync.WaitGroup
	for range c.ticks(ctx) {
		orders.Go(func() { total.add(c.follow(ctx, client)) })
	}
	orders.Wait()
	total.print(out, time.Since(started))
	if total.failed > 0 {
		return fmt.Errorf("%d of %d orders went wrong; the first: %w", total.failed, total.placed, total.first)
	}
	return ctx.Err()
}

// ticks yields once for each order to place, at the rate asked for.
func (c *Command) ticks(ctx context.Context) func(func() bool) {
	return func(yield func() bool) {
		pace := time.NewTicker(time.Duration(float64(time.Second) / c.Rate))
		defer pace.Stop()
		end := time.Now().Add(c.Duration)
		for n := 0; ; n++ {
			if c.Duration > 0 && !time.Now().Before(end) || c.Duration == 0 && n >= c.Count || !yield() {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-pace.C:
			}
		}
	}
}

// follow takes one order from its POST to its outcome.
func (c *Command) follow(ctx context.Context, client *client) result {
	ctx, stop := context.WithTimeout(ctx, c.Timeout)
	defer stop()
	started := time.Now()
	placed, err := client.place(ctx, order{UserID: c.UserID, Items: []item{{c.SKU, c.Quantity}}})
	r := result{putOff: placed.putOff, repeated: placed.repeated, accepted: time.Since(started), err: err}
	if err != nil {
		return r
	}
	r.status, r.err = client.outcome(ctx, placed.id)
	r.decided = time.Since(started)
	if r.err == nil && c.Strict && placed.repeated > 0 {
		r.err = fmt.Errorf("order %s met a broken connection %d times", placed.id, placed.repeated)
	}
	if r.err == nil && !slices.Contains(c.Expect, r.status) {
		r.err = fmt.Errorf("order %s ended %s, expected %v", placed.id, r.status, c.Expect)
	}
	return r
}

func final(status string) bool {
	return slices.Contains([]string{"RESERVED", "REJECTED", "FAILED"}, status)
}

// result is what became of one order.
type result struct {
	putOff, repeated  int
	accepted, decided time.Duration
	status            string
	err               error
}

// tally sums results up. It is safe for concurrent use.
type tally struct {
	mu                               sync.Mutex
	placed, failed, putOff, repeated int
	outcomes                         map[string]int
	accepted, decided                []time.Duration
	first                            error
}

func (t *tally) add(r result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.placed++
	t.putOff += r.putOff
	t.repeated += r.repeated
	if r.err != nil {
		t.failed++
		if t.first == nil {
			t.first = r.err
		}
	}
	if r.status != "" {
		t.outcomes[r.status]++
		t.accepted = append(t.accepted, r.accepted)
		t.decided = append(t.decided, r.decided)
	}
}

func (t *tally) print(out io.Writer, took time.Duration) {
	fmt.Fprintf(out, "%d orders in %s: %d failed, put off by Retry-After %d times, repeated after a broken connection %d times\n",
		t.placed, took.Round(time.Millisecond), t.failed, t.putOff, t.repeated)
	for _, status := range slices.Sorted(maps.Keys(t.outcomes)) {
		fmt.Fprintf(out, "  %s %d\n", status, t.outcomes[status])
	}
	if len(t.decided) > 0 {
		fmt.Fprintf(out, "  accepted after %s (median), %s (p99); decided after %s (median), %s (p99)\n",
			quantile(t.accepted, 0.5), quantile(t.accepted, 0.99), quantile(t.decided, 0.5), quantile(t.decided, 0.99))
	}
}

func quantile(all []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[int(q*float64(len(sorted)-1))].Round(time.Millisecond)
}
