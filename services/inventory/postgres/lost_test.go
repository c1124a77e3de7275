package postgres_test

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/inventory"
	"github.com/openorder/openorder/services/inventory/postgres"
)

// over is a store with a single connection, which goes over what wrap makes of the wire.
func (s *shop) over(tracer pgx.QueryTracer, wrap func(net.Conn) net.Conn) *postgres.Store {
	s.Helper()
	config := s.pool.Config()
	config.MaxConns = 1
	config.BeforeConnect = nil // it would put what follows away
	config.ConnConfig.Tracer = tracer
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return wrap(conn), err
	}
	pool, err := pgxpool.NewWithConfig(s.Context(), config)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(pool.Close)
	return postgres.New(pool)
}

// deaf lets a connection's commits through, and loses the answers.
type deaf struct {
	net.Conn
	on, next *atomic.Bool
}

func (d deaf) Read(text []byte) (int, error) {
	n, err := d.Conn.Read(text)
	if d.next.Load() {
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

func (d deaf) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	last := data.Batch.QueuedQueries[data.Batch.Len()-1]
	d.next.Store(last.SQL == "COMMIT" && d.on.Load())
	return ctx
}
func (d deaf) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (d deaf) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData)     {}
func (d deaf) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (d deaf) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     { d.next.Store(false) }

func TestACommitWhoseAnswerWasLostIsFoundWhenAskedAgain(t *testing.T) {
	s := newShop(t)
	lossy := deaf{on: new(atomic.Bool), next: new(atomic.Bool)}
	store := s.over(lossy, func(conn net.Conn) net.Conn { return deaf{Conn: conn, on: lossy.on, next: lossy.next} })
	rules := inventory.Rules{At: noon}
	if _, err := store.Reserve(t.Context(), []inventory.Order{s.order(1, "A")}, rules); err != nil {
		t.Fatal(err)
	}
	lossy.on.Store(true)
	if _, err := store.Reserve(t.Context(), []inventory.Order{s.order(2, "A")}, rules); !database.Outage(err) {
		t.Fatalf("got %v, want a lost connection", err)
	}
	lossy.on.Store(false)
	results, err := store.Reserve(t.Context(), []inventory.Order{s.order(2, "A")}, inventory.Rules{At: noon.Add(time.Hour)})
	if err != nil || results[0].New || !results[0].Outcome.At.Equal(noon) {
		t.Errorf("got %+v, %v; want the outcome whose commit was not answered", results, err)
	}
	s.wantReserved("A", 2)
}

// stalled is a connection whose client, once it is frozen, takes nothing in.
type stalled struct {
	net.Conn
	frozen *atomic.Bool
	thaw   <-chan struct{}
}

func (s stalled) Read(text []byte) (int, error) {
	if s.frozen.Load() {
		<-s.thaw
		return 0, io.ErrUnexpectedEOF
	}
	return s.Conn.Read(text)
}

// warm has a store connect and prepare its statements.
func (s *shop) warm(store *postgres.Store) {
	s.Helper()
	if _, err := store.Reserve(s.Context(), []inventory.Order{s.order(1_000_000, "A")}, inventory.Rules{At: noon}); err != nil {
		s.Fatal(err)
	}
}

// A frozen client that has all its answers is idle, which the server ends. One whose answers fill the wire is not: the
// server is busy writing to it.
func TestAClientThatTakesNothingInHoldsStockNoLonger(t *testing.T) {
	s := newShop(t)
	orders := make([]inventory.Order, 200_000) // whose outcomes are more than fits into the wire's buffers
	for i := range orders {
		orders[i] = s.order(int64(i+1), "A")
	}
	var frozen atomic.Bool
	thaw := make(chan struct{})
	wake := sync.OnceFunc(func() { close(thaw) })
	store := s.over(nil, func(conn net.Conn) net.Conn { return stalled{conn, &frozen, thaw} })
	t.Cleanup(wake) // before the pool is closed
	// Not by Reserve: so many take a slow client longer than a transaction may be idle.
	if _, err := s.pool.Exec(t.Context(), `INSERT INTO reservations (order_id, decided_at, fingerprint, items)
		SELECT n, now(), '\x00', '{}' FROM generate_series(1, $1::bigint) AS n`, len(orders)); err != nil {
		t.Fatal(err)
	}
	s.warm(store)
	frozen.Store(true)
	done := make(chan error, 1)
	go func() {
		_, err := store.Reserve(t.Context(), orders, inventory.Rules{At: noon})
		done <- err
	}()
	testenv.Eventually(t, "the server is busy writing", func() bool {
		var count int
		err := s.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'ClientWrite'`).Scan(&count)
		return err == nil && count > 0
	})
	began := time.Now()
	testenv.Eventually(t, "somebody else changes the stock", func() bool {
		_, err := s.AdjustStock(context.Background(), inventory.Adjustment{SKU: "A", Delta: 1, Reason: "found", Key: "once"})
		return err == nil
	})
	if waited := time.Since(began); waited > 5*time.Second {
		t.Errorf("it held stock for %s", waited)
	}
	wake()
	if err := <-done; !database.Outage(err) {
		t.Errorf("afterwards: %v, want an outage", err)
	}
}
