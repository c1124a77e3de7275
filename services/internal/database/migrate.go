package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// migration is a schema's way to its newest version in one database.
type migration struct {
	db       *sql.DB
	schema   string
	table    string // of versions
	exists   string // query whether that table, $1, exists
	provider *goose.Provider
	log      *slog.Logger
}

func newMigration(m migration, dialect goose.Dialect, files fs.FS) (migration, error) {
	dir, err := fs.Sub(files, "migrations")
	if err == nil {
		m.provider, err = goose.NewProvider(dialect, m.db, dir, goose.WithTableName(m.table),
			goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	}
	if err != nil {
		return m, permanentError{fmt.Errorf("read the migrations of %s: %w", m.schema, err)}
	}
	return m, nil
}

// target is the version that this program needs.
func (m migration) target() int64 {
	sources := m.provider.ListSources()
	return sources[len(sources)-1].Version
}

// current is the version that the schema has. It needs no right but to read, and makes nothing.
func (m migration) current(ctx context.Context) (version int64, err error) {
	var exists bool
	if err := m.db.QueryRowContext(ctx, m.exists, m.table).Scan(&exists); err != nil || !exists {
		return 0, err
	}
	err = m.db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+m.table).Scan(&version)
	return version, err
}

// missing tells whether the schema is older than this program needs.
func (m migration) missing(ctx context.Context) (bool, error) {
	version, err := m.current(ctx)
	if err != nil {
		return false, fmt.Errorf("read the version of schema %s: %w", m.schema, err)
	}
	return version < m.target(), nil
}

// up applies what is missing, and says what it applied.
func (m migration) up(ctx context.Context) error {
	applied, err := m.provider.Up(ctx)
	for _, step := range applied {
		m.log.Info("migrated", "schema", m.schema, "version", step.Source.Version, "took", step.Duration)
	}
	if err != nil {
		return fmt.Errorf("migrate schema %s: %w", m.schema, err)
	}
	return nil
}

// refusedBy explains a missing right: somebody else has to migrate.
func (m migration) refusedBy(ctx context.Context, refusal error) error {
	version, err := m.current(ctx)
	if err != nil {
		return fmt.Errorf("read the version of schema %s: %w", m.schema, err)
	}
	return fmt.Errorf("schema %s is at version %d, needs %d: run the migrate command with a role that may (%w)",
		m.schema, version, m.target(), refusal)
}

// migratePostgreSQL migrates under an advisory lock of the schema's own. While another process holds it, it fails after
// the lock time-out, to be tried again.
func migratePostgreSQL(ctx context.Context, config *pgxpool.Config, schema Schema, log *slog.Logger) error {
	conn, option := migrationConfig(config)
	db := stdlib.OpenDB(conn, option)
	defer db.Close()
	m, err := newMigration(migration{
		db: db, schema: schema.Name, log: log,
		table:  schema.Name + ".schema_version",
		exists: "SELECT to_regclass($1) IS NOT NULL",
	}, goose.DialectPostgres, schema.PostgreSQL)
	if err != nil {
		return err
	}
	if missing, err := m.missing(ctx); err != nil || !missing {
		return err
	}
	err = m.locked(ctx, func() error {
		if err := m.createSchema(ctx); err != nil {
			return err
		}
		return m.up(ctx)
	})
	if sqlState(err) == insufficientPrivilege {
		return m.refusedBy(ctx, err)
	}
	return err
}

// locked runs something under the schema's advisory lock, which ends with the connection at the latest.
func (m migration) locked(ctx context.Context, run func() error) error {
	conn, err := m.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	key := fnv.New64a()
	key.Write([]byte("openorder migrates " + m.schema))
	id := int64(key.Sum64()) // wraps, which is fine for a key
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", id); err != nil {
		return fmt.Errorf("wait for another process that migrates schema %s: %w", m.schema, err)
	}
	err = run()
	_, unlocked := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", id)
	return errors.Join(err, unlocked)
}

// createSchema leaves an existing schema alone, for CREATE SCHEMA IF NOT EXISTS wants the right to create it even then.
func (m migration) createSchema(ctx context.Context) error {
	var exists bool
	err := m.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", m.schema).Scan(&exists)
	if err == nil && !exists {
		_, err = m.db.ExecContext(ctx, "CREATE SCHEMA "+pgx.Identifier{m.schema}.Sanitize())
	}
	if err != nil {
		return fmt.Errorf("create schema %s: %w", m.schema, err)
	}
	return nil
}

// migrateSQLite migrates in immediate transactions, one a version. A process that migrates the same file at the same
// time applies some of them first; what is left is applied when it is tried again.
func migrateSQLite(ctx context.Context, write *sql.DB, schema Schema, log *slog.Logger) error {
	m, err := newMigration(migration{
		db: write, schema: schema.Name, log: log,
		table:  schema.Name + "_version",
		exists: "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = $1",
	}, goose.DialectSQLite3, schema.SQLite)
	if err != nil {
		return err
	}
	if missing, err := m.missing(ctx); err != nil || !missing {
		return err
	}
	return m.up(ctx)
}
