package app_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/notification/app"
)

// A failover, or a right that is granted later, may come between opening the database and its first use.
func TestALedgerThatRefusesAtTheStartIsWaitedFor(t *testing.T) {
	t.Parallel()
	url := "sqlite:" + filepath.Join(t.TempDir(), "notification.db")
	db, err := database.Open(t.Context(), database.Config{URL: url}, app.Schema(), slog.New(slog.DiscardHandler), func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	_, err = db.SQLite.Write.ExecContext(t.Context(),
		`CREATE TRIGGER refuse BEFORE INSERT ON notification_receivers BEGIN SELECT raise(ABORT, 'permission denied'); END`)
	if err != nil {
		t.Fatal(err)
	}
	s := &system{t: t, brokers: kafka.Config{Brokers: "127.0.0.1:1"}, database: url, hook: newHook(t), log: &lines{}}
	granted := make(chan error, 1)
	go func() {
		look := time.NewTicker(10 * time.Millisecond)
		defer look.Stop()
		for s.log.count("permission denied") == 0 {
			<-look.C
		}
		_, err := db.SQLite.Write.Exec(`DROP TRIGGER refuse`)
		granted <- err
	}()
	s.start() // until it is ready
	if err := <-granted; err != nil {
		t.Error(err)
	}
}
