package audit

import (
	"context"
	"errors"
	"iter"
	"time"
)

var (
	ordersQuery = query{
		postgresql: `
			SELECT o.order_id, uuid_send(o.event_id), o.status, p.order_id IS NOT NULL
			FROM order_service.orders o
			LEFT JOIN (SELECT DISTINCT unnest(order_ids) AS order_id FROM order_service.order_publications) p USING (order_id)
			WHERE {only} ORDER BY order_id`,
		sqlite: `
			SELECT order_id, o.event_id, o.status, p.order_id IS NOT NULL
			FROM orders o
			LEFT JOIN (SELECT DISTINCT e.value AS order_id FROM order_publications, json_each(order_ids) e) p USING (order_id)
			WHERE {only} ORDER BY order_id`,
	}
	outcomesQuery = query{
		postgresql: `
			SELECT order_id, CASE WHEN reason IS NULL THEN 'RESERVED' ELSE 'REJECTED' END, (extract(epoch FROM decided_at) * 1000000)::bigint
			FROM inventory_service.reservations WHERE {only} ORDER BY order_id`,
		sqlite: `
			SELECT order_id, CASE WHEN reason IS NULL THEN 'RESERVED' ELSE 'REJECTED' END, decided_at
			FROM reservations WHERE {only} ORDER BY order_id`,
	}
	// The two halves are each in order already, by their primary keys.
	toldQuery = query{
		postgresql: `
			SELECT order_id, 0, CASE WHEN failed THEN 'FAILED' ELSE '' END, outcome, '', notices
			FROM notification_service.notification_orders WHERE {only}
			UNION ALL SELECT order_id, 1, status, receiver, state, 0 FROM notification_service.notifications WHERE {only}
			ORDER BY 1`,
		sqlite: `
			SELECT order_id, 0, CASE WHEN failed THEN 'FAILED' ELSE '' END, outcome, '', notices FROM notification_orders WHERE {only}
			UNION ALL SELECT order_id, 1, status, receiver, state, 0 FROM notifications WHERE {only}
			ORDER BY 1`,
	}
	stockQuery = query{
		postgresql: `
			SELECT coalesce(s.sku, r.sku), coalesce(s.on_hand, 0), coalesce(s.reserved, 0), coalesce(r.total, 0)::bigint
			FROM inventory_service.stock s FULL JOIN (
				SELECT item.key COLLATE "C" AS sku, sum(item.value::bigint) AS total
				FROM inventory_service.reservations, json_each_text(items::json) AS item
				WHERE reason IS NULL GROUP BY 1
			) r ON r.sku = s.sku`,
		sqlite: `
			SELECT coalesce(s.sku, r.sku), coalesce(s.on_hand, 0), coalesce(s.reserved, 0), coalesce(r.total, 0)
			FROM stock s FULL JOIN (
				SELECT item.key AS sku, sum(item.value) AS total
				FROM reservations, json_each(reservations.items) AS item
				WHERE reservations.reason IS NULL GROUP BY 1
			) r ON r.sku = s.sku`,
	}
)

// errStop ends a stream that nobody reads any more.
var errStop = errors.New("stop")

// stream turns a query into a stream.
func stream[T any](ctx context.Context, s *snapshot, q query, ids []int64, scan func(rows) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := s.ask(ctx, q, ids, func(r rows) error {
			row, err := scan(r)
			if err != nil {
				return err
			}
			if !yield(row, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			var none T
			yield(none, err)
		}
	}
}

func scanOrder(r rows) (orderRow, error) {
	var row orderRow
	var id []byte
	err := r.Scan(&row.id, &id, &row.status, &row.awaited)
	copy(row.eventID[:], id)
	return row, err
}

func scanOutcome(r rows) (outcomeRow, error) {
	var row outcomeRow
	var at int64
	err := r.Scan(&row.id, &row.status, &at)
	row.at = time.UnixMicro(at)
	return row, err
}

func scanTold(r rows) (toldRow, error) {
	var row toldRow
	var kind int
	var a, b, c string
	err := r.Scan(&row.id, &kind, &a, &b, &c, &row.facts.notices)
	if kind == 0 {
		row.order, row.facts.known, row.facts.failed, row.facts.outcome = true, true, a == failed, b
	} else {
		row.notice = noticeFact{status: a, receiver: b, state: c}
	}
	return row, err
}

// auditStock holds every sku against the invariants, in one query of the snapshot that the outcomes came from.
func auditStock(ctx context.Context, inventory *snapshot, t *tally) error {
	return inventory.ask(ctx, stockQuery, nil, func(r rows) error {
		var sku string
		var onHand, taken, sum int64
		if err := r.Scan(&sku, &onHand, &taken, &sum); err != nil {
			return err
		}
		t.totals.SKUs++
		t.add(judgeStock(sku, onHand, taken, sum))
		return nil
	})
}

func judgeStock(sku string, onHand, taken, sum int64) findings {
	var f findings
	if taken < 0 || taken > onHand {
		f.broke(NotOversold, "%q has onHand %d and reserved %d", sku, onHand, taken)
	} else {
		f.hold(NotOversold)
	}
	if taken != sum {
		f.broke(ReservedSum, "%q has reserved %d, but its outcomes sum up to %d", sku, taken, sum)
	} else {
		f.hold(ReservedSum)
	}
	return f
}
