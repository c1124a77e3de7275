package audit

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
)

// Config is what an audit looks at.
type Config struct {
	Kafka        kafka.Config
	Order        string // database URLs
	Inventory    string
	Notification string
	Patience     time.Duration // how long mismatches are looked at again
	Log          *slog.Logger
	RunLength    int // of sorted runs of events; 0: as many as fit into some 40 MB
}

const (
	// maxSuspects bounds how many orders are looked at again. More do not come from a look at the wrong moment.
	maxSuspects = 10_000
	lookAgain   = time.Second
	// clockSlack is how far clocks may be apart. A record of a later time says nothing about when it was written.
	clockSlack = time.Hour
)

// Run audits a system and returns what it found. An error means that it could not look.
func Run(ctx context.Context, c Config) (Report, error) {
	if c.RunLength == 0 {
		c.RunLength = runLength
	}
	a := &auditor{config: c, tally: newTally(), suspects: map[int64]*suspect{}, sorter: newSorter(c.RunLength), complete: map[string]time.Time{}}
	defer a.sorter.close()
	if err := a.open(ctx); err != nil {
		return Report{}, err
	}
	defer a.reader.close()
	if err := a.lookAtAll(ctx); err != nil {
		return Report{}, err
	}
	for deadline := time.Now().Add(c.Patience); len(a.broken()) > 0 && time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return Report{}, ctx.Err()
		case <-time.After(lookAgain):
		}
		if err := a.lookAtSuspects(ctx); err != nil {
			return Report{}, err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(a.suspects)) {
		a.count(a.suspects[id].findings, a.suspects[id].totals)
	}
	return a.tally.report(), nil
}

type auditor struct {
	config   Config
	tally    *tally
	reader   *reader
	sorter   *sorter
	complete map[string]time.Time // see horizon
	cut      map[partition]bool   // partitions that have lost their beginning, and whose first record is not read yet
	suspects map[int64]*suspect   // orders that did not match at the first look
}

// suspect is an order that is looked at again.
type suspect struct {
	events   []eventFact
	findings findings
	totals   Totals
}

// open finds out where the topics begin. order.created is read apart, from where inventory has come to.
func (a *auditor) open(ctx context.Context) error {
	looker, err := newReader(a.config.Kafka, a.config.Log, nil)
	if err != nil {
		return err
	}
	defer looker.close()
	first, err := firstOffsets(ctx, looker.admin, event.TopicInventoryReserved, event.TopicInventoryRejected, event.TopicDeadLetter)
	if err != nil {
		return err
	}
	a.cut = map[partition]bool{}
	for p, offset := range first {
		a.cut[p] = offset > 0 && p.topic != event.TopicDeadLetter
	}
	a.reader, err = newReader(a.config.Kafka, a.config.Log, first)
	return err
}

// lookAtAll is the first look, at every order.
func (a *auditor) lookAtAll(ctx context.Context) error {
	keep := func(e eventFact) error {
		switch {
		case e.kind.outcome():
			a.tally.totals.Events++
		case e.kind == letterEvent:
			a.tally.totals.DeadLetters++
		}
		return a.sorter.add(e)
	}
	return a.look(ctx, nil, keep, a.sorter.sorted, func(c *caseFile, h horizon) {
		found, totals := judge(c, h), c.totals(h)
		if !anyBroken(found) || len(a.suspects) >= maxSuspects {
			a.count(found, totals)
			return
		}
		a.suspects[c.id] = &suspect{events: slices.DeleteFunc(c.events, passing), findings: found, totals: totals}
	})
}

// passing events say where inventory has come to at a moment. They are read anew each time.
func passing(e eventFact) bool { return e.kind == createdEvent }

// lookAtSuspects looks again at those orders that did not match.
func (a *auditor) lookAtSuspects(ctx context.Context) error {
	ids := a.broken()
	var created []eventFact
	known := map[int64]bool{}
	for _, id := range ids {
		known[id] = true
		for i := range a.suspects[id].events {
			a.suspects[id].events[i].early = true // than this look
		}
	}
	keep := func(e eventFact) error {
		switch {
		case a.suspects[e.orderID] == nil:
		case passing(e):
			created = append(created, e)
		default:
			a.suspects[e.orderID].events = append(a.suspects[e.orderID].events, e)
		}
		return nil
	}
	events := func() iter.Seq2[eventFact, error] {
		all := created
		for _, id := range ids {
			all = append(all, a.suspects[id].events...)
		}
		all = slices.DeleteFunc(all, func(e eventFact) bool { return !known[e.orderID] })
		slices.SortStableFunc(all, func(x, y eventFact) int { return cmp.Compare(x.orderID, y.orderID) })
		return func(yield func(eventFact, error) bool) {
			for _, e := range all {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
	return a.look(ctx, ids, keep, events, func(c *caseFile, h horizon) {
		a.suspects[c.id].findings, a.suspects[c.id].totals = judge(c, h), c.totals(h)
	})
}

// broken are the suspects that still do not match.
func (a *auditor) broken() []int64 {
	var ids []int64
	for id, s := range a.suspects {
		if anyBroken(s.findings) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (a *auditor) count(found findings, t Totals) {
	a.tally.add(found)
	sum := &a.tally.totals
	sum.Orders += t.Orders
	sum.Outcomes += t.Outcomes
	sum.Notifications += t.Notifications
	sum.Waiting += t.Waiting
	sum.Failed += t.Failed
	sum.Expired += t.Expired
	sum.Foreign += t.Foreign
	sum.Undelivered += t.Undelivered
	sum.Delivering += t.Delivering
}

// look reads on in the topics, takes a snapshot of each database, and judges each order, or those with the ids given.
//
// The sequence makes the judgement exact on a running system. Effects are looked at before their causes: whatever the
// notification service told, and whatever status an order has, must be in the inventory's later snapshot. And what a
// group had committed before the snapshots must show in them; what it had not is in flight.
func (a *auditor) look(ctx context.Context, ids []int64, keep func(eventFact) error, events func() iter.Seq2[eventFact, error], each func(*caseFile, horizon)) error {
	if err := a.reader.readToEnd(ctx, a.taking(keep, true)); err != nil {
		return err
	}
	done, err := finishedOffsets(ctx, a.reader.admin, event.GroupInventory, event.GroupOrder, event.GroupNotification)
	if err != nil {
		return err
	}
	var snapshots []*snapshot
	defer func() {
		for _, s := range snapshots {
			s.close()
		}
	}()
	for _, s := range []struct{ service, url string }{
		{"notification", a.config.Notification}, {"order", a.config.Order}, {"inventory", a.config.Inventory},
	} {
		taken, err := openSnapshot(ctx, s.service, s.url, snapshots)
		if err != nil {
			return err
		}
		snapshots = append(snapshots, taken)
	}
	if err := a.reader.readToEnd(ctx, a.taking(keep, false)); err != nil {
		return err
	}
	if err := a.readUndecided(ctx, done[event.GroupInventory], keep); err != nil {
		return err
	}
	notification, order, inventory := snapshots[0], snapshots[1], snapshots[2]
	h := horizon{complete: a.completeSince(), done: done}
	err = merge(sources{
		orders:   stream(ctx, order, ordersQuery, ids, scanOrder),
		outcomes: stream(ctx, inventory, outcomesQuery, ids, scanOutcome),
		told:     stream(ctx, notification, toldQuery, ids, scanTold),
		events:   events(),
	}, func(c *caseFile) { each(c, h) })
	if err != nil || ids != nil {
		return err
	}
	return auditStock(ctx, inventory, a.tally)
}

// taking takes facts from records of outcomes and dead letters.
func (a *auditor) taking(keep func(eventFact) error, early bool) func(*kgo.Record) error {
	return func(r *kgo.Record) error {
		p := partition{r.Topic, r.Partition}
		if a.cut[p] && time.Until(r.Timestamp) < clockSlack {
			a.cut[p] = false
			status := reserved
			if r.Topic == event.TopicInventoryRejected {
				status = rejected
			}
			if r.Timestamp.After(a.complete[status]) {
				a.complete[status] = r.Timestamp
			}
		}
		fact, about, err := readFact(r)
		if err != nil {
			a.tally.totals.Unreadable++
			return nil
		}
		if !about {
			return nil
		}
		fact.early = early
		return keep(fact)
	}
}

// completeSince tells from when on the topics hold every event. A partition that has lost its beginning and holds nothing
// has lost everything up to now.
func (a *auditor) completeSince() map[string]time.Time {
	complete := maps.Clone(a.complete)
	for p, empty := range a.cut {
		if !empty {
			continue
		}
		status := reserved
		if p.topic == event.TopicInventoryRejected {
			status = rejected
		}
		complete[status] = time.Now()
	}
	return complete
}

// readUndecided reads what inventory has not finished.
func (a *auditor) readUndecided(ctx context.Context, done map[partition]int64, keep func(eventFact) error) error {
	from, err := firstOffsets(ctx, a.reader.admin, event.TopicOrderCreated)
	if err != nil {
		return err
	}
	for p, first := range from {
		from[p] = max(first, done[p])
	}
	undecided, err := newReader(a.config.Kafka, a.config.Log, from)
	if err != nil {
		return err
	}
	defer undecided.close()
	err = undecided.readToEnd(ctx, func(r *kgo.Record) error {
		fact, about, err := readFact(r)
		if err != nil || !about {
			return nil // inventory will dead-letter it
		}
		return keep(fact)
	})
	if err != nil {
		return fmt.Errorf("read what is not decided: %w", err)
	}
	return nil
}
