package postgres_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/notification/postgres"
	"github.com/openorder/openorder/services/notification/storetest"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) storetest.Ledger {
		return open(t, testenv.PostgreSQL(t))
	}, func(t testing.TB) (storetest.Ledger, storetest.Ledger) {
		url := testenv.PostgreSQL(t)
		return open(t, url), open(t, url)
	})
}

func TestAClockThatWentBackPutsNothingOff(t *testing.T) {
	t.Parallel()
	db := openDatabase(t, testenv.PostgreSQL(t))
	storetest.ClockWentBack(t, postgres.New(db.PostgreSQL), func(by time.Duration) {
		for _, statement := range []string{
			`UPDATE notifications SET due_at = due_at + $1::interval, changed_at = changed_at + $1::interval`,
			`UPDATE notification_receivers SET resume_at = resume_at + $1::interval`,
		} {
			if _, err := db.PostgreSQL.Exec(t.Context(), statement, by); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func open(t testing.TB, url string) *postgres.Ledger {
	t.Helper()
	return postgres.New(openDatabase(t, url).PostgreSQL)
}

func openDatabase(t testing.TB, url string) *database.DB {
	t.Helper()
	schema := database.Schema{Name: "notification_service", PostgreSQL: postgres.Migrations}
	db, err := database.Open(t.Context(), database.Config{URL: url}, schema, slog.New(slog.DiscardHandler), func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}
