package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"io/fs"
	"net"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"
	sqlite3 "modernc.org/sqlite/lib"
)

// SQLSTATEs that are looked at by themselves.
const (
	readOnlyTransaction   = "25006"
	insufficientPrivilege = "42501"
)

// sqlState is PostgreSQL's code of an error, or empty.
func sqlState(err error) string {
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	return ""
}

// Refused tells whether err is the database's verdict on the statement's own data (SQLSTATE classes 22 and 23, a SQLite
// constraint, mismatch or too-big): the same data would be refused again. Everything else is an outage.
func Refused(err error) bool {
	if state := sqlState(err); len(state) == 5 {
		return state[:2] == "22" || state[:2] == "23"
	}
	code, ok := sqliteCode(err)
	return ok && slices.Contains([]int{sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG}, code)
}

// outageClasses are SQLSTATE classes that never judge a statement's data.
var outageClasses = []string{
	"08", // connection
	"0A", // not supported: a cached plan that a migration has outdated
	"25", // transaction state: read-only, idle for too long
	"28", // login
	"3D", // no such database
	"3F", // no such schema
	"40", // rolled back: deadlock, serialization
	"42", // missing table, column or right: a matter of migrations and grants, though a probe may need neither
	"53", // resources: disk full, too many connections
	"55", // object in use: lock time-out
	"57", // operator: shutdown, statement time-out
	"58", // system: I/O
	"F0", // configuration file
}

// ownFaultCodes are the SQLite codes that may be the statement's own fault. The generic SQLITE_ERROR is among them: it
// covers missing tables and unreadable JSON alike.
var ownFaultCodes = []int{sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_RANGE}

// Outage tells whether err is certainly no verdict on the data, whatever a probe says: a lost connection, disk full
// 53100, read-only 25006, missing right 42501, missing table 42P01, deadlock 40P01, lock time-out 55P03, and the like.
func Outage(err error) bool {
	if state := sqlState(err); len(state) == 5 {
		return slices.Contains(outageClasses, state[:2])
	}
	if code, ok := sqliteCode(err); ok {
		return !slices.Contains(ownFaultCodes, code)
	}
	return lost(err)
}

// lost tells whether err is a connection, file or wait that ended before the database had its say.
func lost(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	var path *fs.PathError
	if errors.As(err, &connect) || errors.As(err, &network) || errors.As(err, &path) || pgconn.Timeout(err) || pgconn.SafeToRetry(err) {
		return true
	}
	return slices.ContainsFunc([]error{
		context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
		driver.ErrBadConn, sql.ErrConnDone, sql.ErrTxDone, puddle.ErrClosedPool,
	}, func(known error) bool { return errors.Is(err, known) })
}

// unreachable tells whether err came from no database at all, or from one that is busy.
func unreachable(err error) bool {
	if errors.As(err, new(permanentError)) {
		return false
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) || errors.Is(err, fs.ErrNotExist) {
		return true
	}
	state := sqlState(err)
	return Outage(err) && state != insufficientPrivilege && (len(state) < 2 || state[:2] != "42")
}
