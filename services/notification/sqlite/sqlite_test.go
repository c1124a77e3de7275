package sqlite_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/notification/sqlite"
	"github.com/openorder/openorder/services/notification/storetest"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) storetest.Ledger {
		config := database.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "notification.db")}
		schema := database.Schema{Name: "notification_service", SQLite: sqlite.Migrations}
		db, err := database.Open(t.Context(), config, schema, slog.New(slog.DiscardHandler), func(error) {})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		return sqlite.New(db.SQLite.Write, db.SQLite.Read)
	}, nil)
}
