package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const readers = 4

var (
	writePragmas = []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "journal_size_limit(67108864)"}
	readPragmas  = []string{"busy_timeout(5000)", "query_only(1)"}
)

func openSQLite(ctx context.Context, path string, schema Schema, log *slog.Logger) (*DB, error) {
	if err := checkFile(path); err != nil {
		return nil, permanentError{fmt.Errorf("sqlite:%s: %w", path, err)}
	}
	db := &SQLite{Write: openFile(path, 1, writePragmas), Read: openFile(path, readers, readPragmas)}
	err := canWrite(ctx, db.Write)
	if err == nil {
		err = migrateSQLite(ctx, db.Write, schema, log)
	}
	if err == nil {
		err = db.Read.PingContext(ctx)
	}
	if err != nil {
		(&DB{SQLite: db}).Close()
		return nil, sqliteVerdict(path, err)
	}
	return &DB{SQLite: db}, nil
}

func checkFile(path string) error {
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return errors.New("is no regular file")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func openFile(path string, connections int, pragmas []string) *sql.DB {
	query := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}
	if connections > 1 {
		query.Set("_txlock", "deferred")
	}
	escaped := (&url.URL{Path: filepath.Clean(path)}).EscapedPath() // what follows two slashes would be a host
	db, err := sql.Open("sqlite", "file:"+escaped+"?"+query.Encode())
	if err != nil {
		panic(err) // the driver is not registered
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db
}

// canWrite begins a transaction, immediate as all of them: a file that cannot be written refuses it.
func canWrite(ctx context.Context, write *sql.DB) error {
	tx, err := write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	return tx.Rollback()
}

// sqliteVerdict says what is wrong with the file, and whether waiting could mend it.
func sqliteVerdict(path string, err error) error {
	code, ok := sqliteCode(err)
	if !ok {
		return fmt.Errorf("sqlite:%s: %w", path, err)
	}
	switch code {
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_READONLY:
		return permanentError{fmt.Errorf("sqlite:%s: cannot be opened and written: %w", path, err)}
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return permanentError{fmt.Errorf("sqlite:%s: is no SQLite database, or a damaged one: %w", path, err)}
	default:
		return fmt.Errorf("sqlite:%s: %w", path, err)
	}
}

// sqliteCode is the primary result code of an error of SQLite's.
func sqliteCode(err error) (code int, ok bool) {
	var refusal *sqlite.Error
	if !errors.As(err, &refusal) {
		return 0, false
	}
	return refusal.Code() & 0xff, true
}

// checkSQLitePath refuses what every connection would take for a database of its own.
func checkSQLitePath(path string) error {
	if path == "" {
		return errors.New("sqlite: names no file; write sqlite:PATH")
	}
	if strings.HasPrefix(path, ":memory:") {
		return errors.New("sqlite::memory: is not shared by connections; name a file")
	}
	return nil
}
