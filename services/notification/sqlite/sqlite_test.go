package sqlite_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/notification/sqlite"
	"github.com/openorder/openorder/services/notification/storetest"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) storetest.Ledger {
		db := open(t)
		return sqlite.New(db.Write, db.Read)
	}, nil)
}

func TestAClockThatWentBackPutsNothingOff(t *testing.T) {
	t.Parallel()
	db := open(t)
	storetest.ClockWentBack(t, sqlite.New(db.Write, db.Read), func(by time.Duration) {
		for _, statement := range []string{
			`UPDATE notifications SET due_at = due_at + ?1, changed_at = changed_at + ?1`,
			`UPDATE notification_receivers SET resume_at = resume_at + ?1`,
		} {
			if _, err := db.Write.ExecContext(t.Context(), statement, by.Microseconds()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func open(t testing.TB) *database.SQLite {
	t.Helper()
	config := database.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "notification.db")}
	schema := database.Schema{Name: "notification_service", SQLite: sqlite.Migrations}
	db, err := database.Open(t.Context(), config, schema, slog.New(slog.DiscardHandler), func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db.SQLite
}
