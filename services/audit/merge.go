package audit

import (
	"iter"
	"math"
)

// sources are streams of facts, each in order of the order ids.
type sources struct {
	orders   iter.Seq2[orderRow, error]
	outcomes iter.Seq2[outcomeRow, error]
	told     iter.Seq2[toldRow, error]
	events   iter.Seq2[eventFact, error]
}

type orderRow struct {
	id int64
	orderFacts
}

type outcomeRow struct {
	id int64
	outcomeFacts
}

// toldRow is a row of either table of the notification service.
type toldRow struct {
	id     int64
	order  bool // of notification_orders, else of notifications
	facts  toldFacts
	notice noticeFact
}

// cursor is a place in a stream.
type cursor[T any] struct {
	next func() (T, error, bool)
	stop func()
	head T
	done bool
	key  func(T) int64
}

func open[T any](stream iter.Seq2[T, error], key func(T) int64) (*cursor[T], error) {
	c := &cursor[T]{key: key}
	c.next, c.stop = iter.Pull2(stream)
	return c, c.advance()
}

func (c *cursor[T]) advance() error {
	head, err, more := c.next()
	c.head, c.done = head, !more
	return err
}

// id is the order id of what comes next.
func (c *cursor[T]) id() int64 {
	if c.done {
		return math.MaxInt64
	}
	return c.key(c.head)
}

// take hands over all that there is about an order.
func (c *cursor[T]) take(id int64, to func(T)) error {
	for !c.done && c.id() == id {
		to(c.head)
		if err := c.advance(); err != nil {
			return err
		}
	}
	return nil
}

// merge joins the streams and gives one case after the other.
func merge(s sources, each func(*caseFile)) error {
	orders, err := open(s.orders, func(r orderRow) int64 { return r.id })
	defer orders.stop()
	if err != nil {
		return err
	}
	outcomes, err := open(s.outcomes, func(r outcomeRow) int64 { return r.id })
	defer outcomes.stop()
	if err != nil {
		return err
	}
	told, err := open(s.told, func(r toldRow) int64 { return r.id })
	defer told.stop()
	if err != nil {
		return err
	}
	events, err := open(s.events, func(e eventFact) int64 { return e.orderID })
	defer events.stop()
	if err != nil {
		return err
	}
	for {
		c := &caseFile{id: min(orders.id(), outcomes.id(), told.id(), events.id())}
		if c.id == math.MaxInt64 {
			return nil
		}
		if err := orders.take(c.id, func(r orderRow) { c.order = &r.orderFacts }); err != nil {
			return err
		}
		if err := outcomes.take(c.id, func(r outcomeRow) { c.outcome = &r.outcomeFacts }); err != nil {
			return err
		}
		if err := told.take(c.id, c.addTold); err != nil {
			return err
		}
		if err := events.take(c.id, c.addEvent); err != nil {
			return err
		}
		each(c)
	}
}

func (c *caseFile) addTold(r toldRow) {
	if !r.order {
		c.told.rows = append(c.told.rows, r.notice)
		return
	}
	rows := c.told.rows
	c.told = r.facts
	c.told.rows = rows
}

func (c *caseFile) addEvent(e eventFact) {
	if len(c.events) < maxEvents {
		c.events = append(c.events, e)
		return
	}
	// Kept beyond the bound is only what says something new.
	for i, known := range c.events {
		if known.kind == e.kind && known.id == e.id && known.cause == e.cause {
			c.events[i] = e
			return
		}
	}
}
