package postgres_test

import (
	"embed"
	"log/slog"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/order/postgres"
	"github.com/openorder/openorder/services/order/storetest"
)

func TestStore(t *testing.T) { storetest.Run(t, storetest.PostgreSQL) }

func open(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	schema := database.Schema{Name: "order_service", PostgreSQL: postgres.Migrations, SQLite: embed.FS{}}
	db, err := database.Open(t.Context(), database.Config{URL: url}, schema, slog.New(slog.DiscardHandler), func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db.PostgreSQL
}

func TestListsUseTheIndexes(t *testing.T) {
	pool := open(t, testenv.PostgreSQL(t))
	for status, index := range map[string]string{"PENDING": "orders_by_status", "REJECTED": "orders_by_status", "FAILED": "orders_by_status", "RESERVED": "orders_pkey"} {
		tx, err := pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback(t.Context())
		// An empty table's plan says nothing, unless a sequential scan is forbidden.
		if _, err := tx.Exec(t.Context(), "SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off"); err != nil {
			t.Fatal(err)
		}
		rows, err := tx.Query(t.Context(), "EXPLAIN SELECT * FROM orders o WHERE o.order_id < $1 AND o.status = '"+status+"' ORDER BY o.order_id DESC LIMIT $2", int64(5), 10)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(plan, "\n"); !strings.Contains(text, index) {
			t.Errorf("%s is not listed by %s:\n%s", status, index, text)
		}
		tx.Rollback(t.Context())
	}
}
