package storetest

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/inventory"
	"github.com/openorder/openorder/services/inventory/postgres"
	"github.com/openorder/openorder/services/inventory/sqlite"
)

// SQLite is a Database in a file.
func SQLite(t testing.TB) func() inventory.Store {
	url := "sqlite:" + filepath.Join(t.TempDir(), "inventory.db")
	return func() inventory.Store { return sqlite.New(Open(t, url).SQLite) }
}

// PostgreSQL is a Database on the server of the test environment.
func PostgreSQL(t testing.TB) func() inventory.Store {
	url := testenv.PostgreSQL(t)
	return func() inventory.Store { return postgres.New(Open(t, url).PostgreSQL) }
}

// Open opens and migrates a database as the service does.
func Open(t testing.TB, url string) *database.DB {
	t.Helper()
	schema := database.Schema{Name: "inventory_service", PostgreSQL: postgres.Migrations, SQLite: sqlite.Migrations}
	db, err := database.Open(t.Context(), database.Config{URL: url}, schema, slog.New(slog.DiscardHandler), func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}
