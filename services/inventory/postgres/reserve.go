package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/openorder/openorder/services/inventory"
	"github.com/openorder/openorder/services/inventory/internal/rows"
)

const (
	// queueUp lets the writers of batches queue for the whole, not for each row. Two that hand 1,000 stock rows to each
	// other one by one were measured at a twentieth of one alone; in this queue they are as fast. It is for speed alone:
	// what keeps stock right are the row locks.
	queueUp = `SELECT pg_advisory_xact_lock($1, 'reservations'::regclass::oid::int)`

	// noScan keeps a plan made while the tables were small from reading them whole once they are not.
	noScan = `SELECT set_config('enable_seqscan', 'off', true)`

	lockStock = `SELECT sku, on_hand, reserved, version FROM stock WHERE sku = ANY($1::text[]) ORDER BY sku FOR UPDATE`

	// A statement of its own, begun when the stock is locked: its snapshot holds all that earlier owners of the locks
	// have committed. Before that, a commit between the look and the lock would take stock twice.
	findOutcomes = `SELECT order_id, decided_at, fingerprint, coalesce(reason, '') FROM reservations WHERE order_id = ANY($1::bigint[])`

	keepReserved = `INSERT INTO reservations (order_id, decided_at, fingerprint, items)
		SELECT id, $1, fingerprint, items FROM unnest($2::bigint[], $3::bytea[], $4::text[]) AS o (id, fingerprint, items)`
	keepRejected = `INSERT INTO reservations (order_id, decided_at, fingerprint, items, reason, lacking)
		SELECT id, $1, fingerprint, items, reason, lacking
		FROM unnest($2::bigint[], $3::bytea[], $4::text[], $5::text[], $6::text[]) AS o (id, fingerprint, items, reason, lacking)`
	takeStock = `UPDATE stock SET reserved = reserved + qty FROM unnest($1::text[], $2::bigint[]) AS taken (taken_sku, qty) WHERE sku = taken_sku`

	batchLock = 0x0b47c4 // this lock's name among the advisory locks of the database
)

// attempts at a batch whose orders somebody who does not queue keeps deciding first.
const attempts = 5

// Reserve implements inventory.Reserver.
func (s *Store) Reserve(ctx context.Context, orders []inventory.Order, rules inventory.Rules) ([]inventory.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for attempt := 1; ; attempt++ {
		results, err := s.reserve(ctx, orders, rules)
		if err == nil {
			return results, nil
		}
		// A repeated order id means: decided already, by one whose commit this transaction did not see. Now it will.
		if !violates(err, "reservations_pkey") || attempt == attempts {
			return nil, fmt.Errorf("reserve %d orders: %w", len(orders), err)
		}
	}
}

// reserve makes two round trips: lock and look, then keep and commit.
func (s *Store) reserve(ctx context.Context, orders []inventory.Order, rules inventory.Rules) (_ []inventory.Result, err error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release(conn)
	stock, stored, err := look(ctx, conn, orders)
	if err != nil {
		return nil, err
	}
	decision := inventory.Decide(orders, stock, stored, rules)
	if err := keep(ctx, conn, orders, decision, rules.At); err != nil {
		return nil, err
	}
	return decision.Results, nil
}

// release gives a connection back, out of its transaction.
func release(conn *pgxpool.Conn) {
	if !conn.Conn().IsClosed() && conn.Conn().PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, _ = conn.Exec(ctx, "ROLLBACK") // what cannot be rolled back is closed by the pool
	}
	conn.Release()
}

func look(ctx context.Context, conn *pgxpool.Conn, orders []inventory.Order) (map[string]inventory.Stock, map[int64]inventory.Outcome, error) {
	ids := make([]int64, len(orders))
	stock := make(map[string]inventory.Stock)
	var skus []string
	for i, order := range orders {
		ids[i] = order.ID
		for _, item := range order.Items {
			if _, seen := stock[item.SKU]; !seen {
				stock[item.SKU] = inventory.Stock{}
				skus = append(skus, item.SKU)
			}
		}
	}
	clear(stock)
	stored := make(map[int64]inventory.Outcome)

	var batch pgx.Batch
	batch.Queue("BEGIN")
	batch.Queue(limits)
	batch.Queue(noScan)
	batch.Queue(queueUp, batchLock)
	batch.Queue(lockStock, skus).Query(func(rows pgx.Rows) error {
		var s inventory.Stock
		_, err := pgx.ForEachRow(rows, []any{&s.SKU, &s.OnHand, &s.Reserved, &s.Version}, func() error {
			stock[s.SKU] = s
			return nil
		})
		return err
	})
	batch.Queue(findOutcomes, ids).Query(func(rows pgx.Rows) error {
		var id int64
		var fingerprint []byte
		var o inventory.Outcome
		_, err := pgx.ForEachRow(rows, []any{&id, &o.At, &fingerprint, &o.Reason}, func() error {
			copy(o.Fingerprint[:], fingerprint)
			o.At = o.At.UTC()
			stored[id] = o
			return nil
		})
		return err
	})
	if err := conn.SendBatch(ctx, &batch).Close(); err != nil {
		return nil, nil, fmt.Errorf("lock stock and look for outcomes: %w", err)
	}
	return stock, stored, nil
}

func keep(ctx context.Context, conn *pgxpool.Conn, orders []inventory.Order, d inventory.Decision, at time.Time) error {
	var batch pgx.Batch
	queueOutcomes(&batch, orders, d.Results, at)
	if len(d.Taken) > 0 {
		skus, quantities := make([]string, 0, len(d.Taken)), make([]int64, 0, len(d.Taken))
		for sku, qty := range d.Taken {
			skus, quantities = append(skus, sku), append(quantities, qty)
		}
		batch.Queue(takeStock, skus, quantities)
	}
	batch.Queue("COMMIT")
	if err := conn.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("keep outcomes and stock: %w", err)
	}
	return nil
}

func queueOutcomes(batch *pgx.Batch, orders []inventory.Order, results []inventory.Result, at time.Time) {
	var reserved, rejected columns
	for i, result := range results {
		switch {
		case !result.New:
		case result.Outcome.Reason == "":
			reserved.add(&orders[i])
		default:
			rejected.add(&orders[i])
			rejected.reasons = append(rejected.reasons, string(result.Outcome.Reason))
			rejected.lacking = append(rejected.lacking, rows.Lacking(result.Lacking))
		}
	}
	if len(reserved.ids) > 0 {
		batch.Queue(keepReserved, at, reserved.ids, reserved.fingerprints, reserved.items)
	}
	if len(rejected.ids) > 0 {
		batch.Queue(keepRejected, at, rejected.ids, rejected.fingerprints, rejected.items, rejected.reasons, rejected.lacking)
	}
}

// columns are rows of reservations, turned for unnest.
type columns struct {
	ids                     []int64
	fingerprints            [][]byte
	items, reasons, lacking []string
}

func (c *columns) add(order *inventory.Order) {
	c.ids = append(c.ids, order.ID)
	c.fingerprints = append(c.fingerprints, order.Fingerprint[:])
	c.items = append(c.items, rows.Items(order.Items))
}

var errUndo = errors.New("undo")

// Probe implements inventory.Reserver.
func (s *Store) Probe(ctx context.Context) error {
	err := s.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, queueUp, batchLock); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, lockStock, []string{probeSKU}); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, findOutcomes, []int64{probeID}); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO stock (sku, on_hand, reserved, version) VALUES ($1, 1, 0, 1) ON CONFLICT DO NOTHING`, probeSKU); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, takeStock, []string{probeSKU}, []int64{1}); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, keepReserved, time.Now(), []int64{probeID}, [][]byte{{}}, []string{"{}"}); err != nil {
			return err
		}
		return errUndo
	})
	if errors.Is(err, errUndo) {
		return nil
	}
	return fmt.Errorf("probe the inventory's tables: %w", err)
}

// What no order is and no shelf can be called.
const (
	probeID  = -1
	probeSKU = "\tprobe"
)
