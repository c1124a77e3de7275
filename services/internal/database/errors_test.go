package database_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/testenv"
)

// verdict is what may be said of an error: it judges the data, it is certainly an outage, or a probe has to tell.
func verdict(err error) string {
	switch refused, outage := database.Refused(err), database.Outage(err); {
	case refused && outage:
		return "both"
	case refused:
		return "refused"
	case outage:
		return "outage"
	default:
		return "unknown"
	}
}

func TestVerdictsBySQLSTATE(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"22021": "refused", // a zero byte in a text
		"22P05": "refused", // \u0000 in jsonb
		"22003": "refused", // out of range
		"23505": "refused", // unique violation
		"23514": "refused", // check violation
		"53100": "outage",  // disk full
		"53300": "outage",  // too many connections
		"25006": "outage",  // read-only
		"25P03": "outage",  // idle in transaction for too long
		"42501": "outage",  // missing right
		"42P01": "outage",  // missing table
		"42703": "outage",  // missing column
		"3F000": "outage",  // missing schema
		"40001": "outage",  // serialization
		"40P01": "outage",  // deadlock
		"55P03": "outage",  // lock time-out
		"57014": "outage",  // statement time-out
		"57P01": "outage",  // shutdown
		"58030": "outage",  // I/O
		"08006": "outage",  // connection failure
		"28P01": "outage",  // refused login
		"0A000": "outage",  // a cached plan that is outdated
		"54000": "unknown", // a limit of the program's: may be the row's own size
		"P0001": "unknown", // raised by a trigger
		"XX000": "unknown", // internal error
	} {
		if got := verdict(fmt.Errorf("store: %w", &pgconn.PgError{Code: code})); got != want {
			t.Errorf("%s: want %s, got %s", code, want, got)
		}
	}
}

func TestVerdictsOnWhatNoDatabaseSaid(t *testing.T) {
	t.Parallel()
	for reason, c := range map[string]struct {
		err  error
		want string
	}{
		"the wait was given up":       {context.DeadlineExceeded, "outage"},
		"the service stops":           {context.Canceled, "outage"},
		"the connection broke":        {io.ErrUnexpectedEOF, "outage"},
		"the connection is gone":      {sql.ErrConnDone, "outage"},
		"the URL's file is gone":      {&fs.PathError{Op: "open", Path: "url", Err: fs.ErrNotExist}, "outage"},
		"something else":              {errors.New("cannot encode this"), "unknown"},
		"no row, which is no failure": {sql.ErrNoRows, "unknown"},
		"nothing":                     {nil, "unknown"},
	} {
		if got := verdict(c.err); got != c.want {
			t.Errorf("%s: want %s, got %s", reason, c.want, got)
		}
	}
}

func TestVerdictsOfARealPostgreSQL(t *testing.T) {
	t.Parallel()
	db := mustOpen(t, testenv.PostgreSQL(t)+"?statement_timeout=200ms&pool_max_conns=1", 1)
	for name, c := range map[string]struct {
		statement string
		args      []any
		want      string
	}{
		"a zero byte":          {"INSERT INTO first VALUES (1, $1)", []any{"a\x00b"}, "refused"},
		"no UTF-8":             {"INSERT INTO first VALUES (1, $1)", []any{"\xff"}, "refused"},
		"a zero in jsonb":      {"SELECT $1::jsonb", []any{`"\u0000"`}, "refused"},
		"a null":               {"INSERT INTO first VALUES (1, NULL)", nil, "refused"},
		"a missing table":      {"SELECT FROM nowhere", nil, "outage"},
		"a missing column":     {"SELECT nothing FROM first", nil, "outage"},
		"a statement time-out": {"SELECT pg_sleep(10)", nil, "outage"},
		"a killed connection":  {"SELECT pg_terminate_backend(pg_backend_pid())", nil, "outage"},
	} {
		_, err := db.PostgreSQL.Exec(t.Context(), c.statement, c.args...)
		if got := verdict(err); got != c.want {
			t.Errorf("%s: want %s, got %s: %v", name, c.want, got, err)
		}
	}
	db.PostgreSQL.Close()
	if _, err := db.PostgreSQL.Exec(t.Context(), "SELECT 1"); verdict(err) != "outage" {
		t.Errorf("a closed pool: %v", err)
	}
}

func TestVerdictsOfARealSQLite(t *testing.T) {
	t.Parallel()
	db := mustOpen(t, "sqlite:"+t.TempDir()+"/order.db", 1).SQLite
	for name, c := range map[string]struct {
		on        *sql.DB
		statement string
		want      string
	}{
		"a null":           {db.Write, "INSERT INTO first VALUES (1, NULL)", "refused"},
		"a text as rowid":  {db.Write, "INSERT INTO first (rowid, id, name) VALUES ('x', 1, 'x')", "refused"},
		"a value too big":  {db.Write, "SELECT zeroblob(2000000000)", "refused"},
		"a read-only file": {db.Read, "INSERT INTO first VALUES (1, 'x')", "outage"},
		"a missing table":  {db.Write, "SELECT * FROM nowhere", "unknown"}, // a probe on the same tables tells
		"unreadable JSON":  {db.Write, "SELECT json('{')", "unknown"},
	} {
		_, err := c.on.ExecContext(t.Context(), c.statement)
		if got := verdict(err); got != c.want {
			t.Errorf("%s: want %s, got %s: %v", name, c.want, got, err)
		}
	}
}
