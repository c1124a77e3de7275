package database_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/openorder/openorder/services/internal/database"
)

func TestASQLiteFileThatCannotServeIsAnErrorAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign.txt")
	if err := os.WriteFile(foreign, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for reason, path := range map[string]string{
		"its folder does not exist":    filepath.Join(dir, "missing", "order.db"),
		"its folder cannot be written": "/proc/order.db",
		"it is a folder":               dir,
		"it is no database":            foreign,
		"its folder is no folder":      filepath.Join(foreign, "order.db"),
		"it is a device":               "/dev/full",
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := database.Open(ctx, database.Config{URL: "sqlite:" + path}, schema(1), quiet, func(err error) {
				if err != nil {
					t.Errorf("it waits for %v", err)
				}
			})
			if err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("want an error that names %s, got %v", path, err)
			}
		})
	}
}

func TestASQLiteFileMayHaveAnyName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"order.db", "with space.db", "what?.db", "50%25.db", "a#b&c=d.db", "größe.db"} {
		path := filepath.Join(t.TempDir(), name)
		mustOpen(t, "sqlite:"+path, 1)
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

// Other programs' URLs begin with two slashes, after which SQLite expects a host.
func TestASQLitePathMayBeginWithTwoSlashes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "order.db")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	db, err := database.Open(ctx, database.Config{URL: "sqlite:/" + path}, schema(1), quiet, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestSQLiteKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	db := mustOpen(t, "sqlite:"+t.TempDir()+"/order.db", 1).SQLite
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"} {
		var got string
		if err := db.Write.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s: want %s, got %s, %v", pragma, want, got, err)
		}
	}
	if _, err := db.Read.Exec("INSERT INTO first VALUES (1, 'x')"); err == nil {
		t.Error("the readers' connections write")
	}
}

func TestSQLiteWritersQueueAndReadersGoOn(t *testing.T) {
	t.Parallel()
	db := mustOpen(t, "sqlite:"+t.TempDir()+"/order.db", 1).SQLite
	const writers = 20
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			if err := insert(t.Context(), db.Write, i); err != nil {
				t.Error(err)
			}
		})
	}
	tx, err := db.Write.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := count(t.Context(), db.Read); err != nil {
		t.Errorf("a reader while a writer writes: %v", err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if n, err := count(t.Context(), db.Read); err != nil || n != writers {
		t.Errorf("want %d rows, got %d, %v", writers, n, err)
	}
}

func insert(ctx context.Context, db *sql.DB, id int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM first").Scan(&n); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO first VALUES (?, ?)", id, fmt.Sprint(n)); err != nil {
		return err
	}
	return tx.Commit()
}

func count(ctx context.Context, db *sql.DB) (n int, err error) {
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM first").Scan(&n)
	return n, err
}

func TestSQLiteIsMigratedOnceByManyAndKeptByAnOlderProgram(t *testing.T) {
	t.Parallel()
	url := "sqlite:" + t.TempDir() + "/order.db"
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { mustOpen(t, url, 3) })
	}
	wg.Wait()
	older := mustOpen(t, url, 1).SQLite
	var version int
	if err := older.Read.QueryRow("SELECT max(version_id) FROM order_service_version").Scan(&version); err != nil || version != 3 {
		t.Errorf("want version 3, got %d, %v", version, err)
	}
	if err := database.Migrate(t.Context(), database.Config{URL: url}, schema(1), quiet); err != nil {
		t.Errorf("migrate with an older program: %v", err)
	}
}

func TestSQLiteShowsItsConnections(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	mustOpen(t, "sqlite:"+t.TempDir()+"/order.db", 1).Register(reg)
	if n, err := testutil.GatherAndCount(reg, "go_sql_open_connections"); err != nil || n != 2 {
		t.Errorf("want one series for each of write and read, got %d, %v", n, err)
	}
}
