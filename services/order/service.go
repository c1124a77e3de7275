package order

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"github.com/openorder/openorder/services/internal/clock"
)

// PublishFunc publishes the orders' events and returns when each is acknowledged or has failed, an error an order in the
// same order.
type PublishFunc func(ctx context.Context, orders []Order) []error

// Timing is how long things may take. The zero value is for production; tests shorten it.
type Timing struct {
	Place      time.Duration // a request waits at most this long for the database (3 s)
	Lease      time.Duration // who inserted a group may publish it for this long, more than a produce takes (15 s)
	Stop       time.Duration // a stopping service goes on publishing what it has in memory for this long (5 s)
	Sweep      time.Duration // between looks for what is to be published (1 s)
	Unanswered Backoff       // when an order still PENDING is published again (1 min, doubling up to 1 h)
	Watch      time.Duration // between looks for what changed of watched orders (250 ms)
	KeepKeys   time.Duration // idempotency keys are kept (24 h)
	SweepKeys  time.Duration // between deletions of expired keys, and looks at the clock (1 min)
}

func (t Timing) orDefaults() Timing {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	set(&t.Place, 3*time.Second)
	set(&t.Lease, 15*time.Second)
	set(&t.Stop, 5*time.Second)
	set(&t.Sweep, time.Second)
	set(&t.Unanswered.Base, time.Minute)
	set(&t.Unanswered.Limit, time.Hour)
	set(&t.Watch, 250*time.Millisecond)
	set(&t.KeepKeys, 24*time.Hour)
	set(&t.SweepKeys, time.Minute)
	return t
}

// patience bounds how long a database server that has frozen keeps a task waiting: after a failover the next answers. It is
// longer than any question and publishing together may take.
const patience = time.Minute

// republishRate bounds how many unanswered orders a replica publishes again a second.
const republishRate = 1000

// Config is what a Service needs.
type Config struct {
	Store   Store
	Publish PublishFunc
	Log     *slog.Logger
	Metrics prometheus.Registerer
	Report  func(what string, err error) // is shown what fails at the moment, nil when it works again; may be nil
	Timing  Timing
}

// Service takes orders, keeps them, gets their events out and tells what became of them. Its tasks must run.
type Service struct {
	store   Store
	log     *slog.Logger
	timing  Timing
	metrics *metrics
	keys    *trouble // deleting expired ones
	jumps   clock.Jumps

	committer *committer
	outbox    *outbox
	watches   *watches
	lookups   *lookups
}

// New returns a service whose tasks do not run yet.
func New(c Config) *Service {
	timing := c.Timing.orDefaults()
	m := newMetrics(c.Metrics)
	report := c.Report
	if report == nil {
		report = func(string, error) {}
	}
	failing := func(what string) *trouble { return &trouble{what: what, log: c.Log, report: report} }
	out := &outbox{
		store: c.Store, publish: c.Publish, metrics: m, timing: timing,
		fresh:  make(chan batch, maxUnsent),
		marks:  make(chan []int64, 64),
		limit:  rate.NewLimiter(republishRate, maxPublish),
		failed: make(chan struct{}, 1),

		log:        c.Log,
		recalling:  failing("looking for publications that the clock put off"),
		marking:    failing("marking orders as published"),
		sweeping:   failing("publishing overdue orders"),
		unanswered: failing("publishing unanswered orders again"),
	}
	out.offering.Add(committers)
	return &Service{
		store: c.Store, log: c.Log, timing: timing, metrics: m,
		committer: newCommitter(c.Store, out, m, c.Log, timing),
		outbox:    out,
		watches:   newWatches(c.Store, m, timing.Watch, failing("reading watched orders")),
		keys:      failing("deleting expired idempotency keys"),
		lookups:   newLookups(c.Store.Find, timing.Place),
	}
}

// Tasks are what must run while the service does; each ends when its context does, the committers once nothing waits.
func (s *Service) Tasks() []func(context.Context) error {
	return []func(context.Context) error{
		s.commit, s.commit, // one goes ahead when the other is held up
		s.outbox.runFresh,
		s.outbox.runUnpublished,
		s.outbox.runUnanswered,
		s.outbox.runAge,
		s.outbox.runRecall,
		s.watches.run,
		s.runKeys,
	}
}

const committers = 2

func (s *Service) commit(ctx context.Context) error {
	defer s.outbox.offering.Done()
	return s.committer.run(ctx)
}

// Get returns an order.
func (s *Service) Get(ctx context.Context, id int64) (Order, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timing.Place)
	defer cancel()
	return s.lookups.get(ctx, id)
}

// List returns a page of orders, newest first.
func (s *Service) List(ctx context.Context, q Query) ([]Order, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timing.Place)
	defer cancel()
	return s.store.List(ctx, q)
}

// runKeys deletes expired idempotency keys.
func (s *Service) runKeys(ctx context.Context) error {
	return every(ctx, s.timing.SweepKeys, func() {
		if err := s.deleteKeys(ctx); ctx.Err() == nil {
			s.keys.observe(err)
		}
	})
}

// deleteKeys deletes in small steps, so that no statement takes long or locks much. By a clock that has jumped keys look
// older than they are: then they are kept until all of those from before are old enough by any clock.
func (s *Service) deleteKeys(ctx context.Context) error {
	now, err := s.store.Clock(ctx)
	if err != nil || !s.jumps.Quiet(now, s.timing.KeepKeys) {
		return err
	}
	for {
		deleted, err := s.store.DeleteKeys(ctx, now.Add(-s.timing.KeepKeys), keySweepStep)
		if err != nil || deleted < keySweepStep || ctx.Err() != nil {
			return err
		}
	}
}

// every calls do now and then at an interval until the context ends.
func every(ctx context.Context, interval time.Duration, do func()) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		do()
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
