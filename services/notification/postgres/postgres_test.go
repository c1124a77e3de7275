package postgres_test

import (
	"log/slog"
	"testing"

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

func open(t testing.TB, url string) *postgres.Ledger {
	t.Helper()
	schema := database.Schema{Name: "notification_service", PostgreSQL: postgres.Migrations}
	db, err := database.Open(t.Context(), database.Config{URL: url}, schema, slog.New(slog.DiscardHandler), func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return postgres.New(db.PostgreSQL)
}
