package storetest

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/order"
	"github.com/openorder/openorder/services/order/postgres"
	"github.com/openorder/openorder/services/order/sqlite"
)

// SQLite returns a store on a new file, twice.
func SQLite(t *testing.T) (order.Store, order.Store) {
	t.Helper()
	db := open(t, "sqlite:"+filepath.Join(t.TempDir(), "order.db"))
	store := sqlite.New(db.SQLite)
	return store, store
}

// PostgreSQL returns two stores on a new database, each with connections of its own, as two replicas have.
func PostgreSQL(t *testing.T) (order.Store, order.Store) {
	t.Helper()
	url := testenv.PostgreSQL(t) + "?lock_timeout=1min" // a group may wait for many, on a disk that is others', too
	return postgres.New(open(t, url).PostgreSQL), postgres.New(open(t, url).PostgreSQL)
}

// Each runs a test over both.
func Each(t *testing.T, test func(t *testing.T, a, b order.Store)) {
	for name, open := range map[string]Open{"sqlite": SQLite, "postgres": PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := open(t)
			test(t, a, b)
		})
	}
}

func open(t *testing.T, url string) *database.DB {
	t.Helper()
	schema := database.Schema{Name: "order_service", PostgreSQL: postgres.Migrations, SQLite: sqlite.Migrations}
	db, err := database.Open(t.Context(), database.Config{URL: url}, schema, slog.New(slog.DiscardHandler), func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}
