package sqlite_test

import (
	"embed"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/order"
	"github.com/openorder/openorder/services/order/sqlite"
	"github.com/openorder/openorder/services/order/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (order.Store, order.Store) {
		schema := database.Schema{Name: "order_service", PostgreSQL: embed.FS{}, SQLite: sqlite.Migrations}
		config := database.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "order.db")}
		db, err := database.Open(t.Context(), config, schema, slog.New(slog.DiscardHandler), func(error) {})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		store := sqlite.New(db.SQLite)
		return store, store
	})
}
