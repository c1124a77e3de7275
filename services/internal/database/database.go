package database

import (
	"context"
	"database/sql"
	"embed"
	"log/slog"

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
	Name       string   // order_service, inventory_service, notification_service
	PostgreSQL embed.FS // goose SQL migrations in migrations/
	SQLite     embed.FS
}

// Close ends every connection.
func (db *DB) Close() {
	if db.PostgreSQL != nil {
		db.PostgreSQL.Close()
	}
	if db.SQLite != nil {
		db.SQLite.Read.Close()
		db.SQLite.Write.Close()
	}
}

// Open waits until the database answers and its schema is migrated, and tells report meanwhile what it waits for. It
// migrates itself where its role may, and otherwise waits until somebody else has.
func Open(ctx context.Context, c Config, schema Schema, log *slog.Logger, report func(error)) (*DB, error) {
	panic("being written")
}

// Migrate brings the schema to its newest version under a lock, and returns.
func Migrate(ctx context.Context, c Config, schema Schema, log *slog.Logger) error {
	panic("being written")
}

// Refused tells whether err is the database's verdict on the statement's own data (SQLSTATE classes 22 and 23, a SQLite
// constraint, mismatch or too-big): the same data would be refused again. Everything else is an outage.
func Refused(err error) bool { panic("being written") }

// Outage tells whether err is certainly no verdict on the data, whatever a probe says: a lost connection, disk full
// 53100, read-only 25006, missing right 42501, missing table 42P01, deadlock 40P01, lock time-out 55P03, and the like.
func Outage(err error) bool { panic("being written") }
