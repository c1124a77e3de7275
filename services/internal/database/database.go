package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is an open database: exactly one of the two is set.
type DB struct {
	PostgreSQL *pgxpool.Pool
	SQLite     *SQLite
}

// SQLite is one file, in WAL mode with synchronous=FULL. Write has a single connection, so that writers queue in Go
// and never see SQLITE_BUSY; its transactions begin immediate. Read has several.
type SQLite struct {
	Write *sql.DB
	Read  *sql.DB
}

// Schema is a service's part of a database: a PostgreSQL schema of that name, on the pool's search_path; on SQLite,
// which has none, table names must not clash between services.
type Schema struct {
	Name       string // order_service, inventory_service, notification_service
	PostgreSQL fs.FS  // goose SQL migrations in migrations/, an embed.FS as a rule
	SQLite     fs.FS
}

// Close ends every connection.
func (db *DB) Close() {
	if db.PostgreSQL != nil {
		db.PostgreSQL.Close()
	}
	if db.SQLite != nil {
		_ = db.SQLite.Read.Close()
		_ = db.SQLite.Write.Close()
	}
}

// Open waits until the database answers and its schema is migrated, and tells report meanwhile what it waits for. It
// migrates itself where its role may, and otherwise waits until somebody else has. A schema newer than this program is
// taken as it is, for migrations fit the version before them.
//
// What does not mend itself is an error at once: a URL that makes no sense, a SQLite file in a folder that does not
// exist, that cannot be written or that is no database.
func Open(ctx context.Context, c Config, schema Schema, log *slog.Logger, report func(error)) (*DB, error) {
	var db *DB
	err := retry(ctx, log, report, func() (again bool, err error) {
		db, err = open(ctx, c, schema, log)
		return !errors.As(err, new(permanentError)), err
	})
	return db, err
}

// Migrate brings the schema to its newest version under a lock, and returns. It waits for a database that cannot be
// reached; what the database refuses is an error at once.
//
// Where the services' own roles are not the one that migrates, that one has to give them their rights, best by
// ALTER DEFAULT PRIVILEGES; on the table schema_version they need SELECT.
func Migrate(ctx context.Context, c Config, schema Schema, log *slog.Logger) error {
	return retry(ctx, log, func(error) {}, func() (again bool, err error) {
		db, err := open(ctx, c, schema, log)
		if err == nil {
			db.Close()
		}
		return unreachable(err), err
	})
}

// permanentError is what no waiting mends.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

func open(ctx context.Context, c Config, schema Schema, log *slog.Logger) (*DB, error) {
	raw, err := c.Resolve()
	if err != nil {
		return nil, err
	}
	if path, ok := strings.CutPrefix(raw, "sqlite:"); ok {
		return openSQLite(ctx, path, schema, log)
	}
	return openPostgreSQL(ctx, c, raw, schema, log)
}

const (
	firstWait   = 200 * time.Millisecond
	longestWait = 2 * time.Second
)

// retry attempts until it succeeds or shall not be tried again. Each different reason to wait is logged once.
func retry(ctx context.Context, log *slog.Logger, report func(error), attempt func() (again bool, err error)) error {
	said := map[string]bool{}
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		again, err := attempt()
		if err == nil {
			report(nil)
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("wait for the database: %w (%w)", ctx.Err(), err)
		}
		if !again {
			return fmt.Errorf("open the database: %w", err)
		}
		report(err)
		if !said[err.Error()] {
			said[err.Error()] = true
			log.Warn("waiting for the database", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}
