package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver
)

// snapshot is one unchanging view of a service's database, that cannot write.
type snapshot struct {
	service    string
	postgresql *pgx.Conn
	sqlite     *sql.DB
	tx         *sql.Tx
}

// openSnapshot connects and takes the snapshot.
func openSnapshot(ctx context.Context, service, address string) (*snapshot, error) {
	s := &snapshot{service: service}
	var err error
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		err = s.openSQLite(ctx, path)
	} else {
		err = s.openPostgreSQL(ctx, address)
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("open the %s service's database: %w", service, err)
	}
	return s, nil
}

func (s *snapshot) openPostgreSQL(ctx context.Context, address string) (err error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return errors.New("the URL is neither postgres://USER:PASSWORD@HOST:PORT/NAME nor sqlite:PATH") // it may hold a password
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	config.RuntimeParams["application_name"] = "openorder audit"
	config.RuntimeParams["default_transaction_read_only"] = "on"
	config.RuntimeParams["statement_timeout"] = "0" // the whole of a table may take a while
	config.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	if s.postgresql, err = pgx.ConnectConfig(ctx, config); err != nil {
		return err
	}
	// The snapshot is taken by the first statement.
	_, err = s.postgresql.Exec(ctx, `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT txid_current_snapshot()`)
	return err
}

func (s *snapshot) openSQLite(ctx context.Context, path string) (err error) {
	query := url.Values{"mode": {"ro"}, "_pragma": {"query_only(1)", "busy_timeout(5000)"}}
	if s.sqlite, err = sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+query.Encode()); err != nil {
		return err
	}
	if s.tx, err = s.sqlite.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}); err != nil {
		return err
	}
	var tables int
	return s.tx.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master`).Scan(&tables) // takes the snapshot
}

func (s *snapshot) close() {
	if s.tx != nil {
		_ = s.tx.Rollback() // nothing was written
	}
	if s.sqlite != nil {
		_ = s.sqlite.Close()
	}
	if s.postgresql != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.postgresql.Close(ctx)
	}
}

// query is the same question in both dialects. {only} stands for the condition that picks some orders.
type query struct{ postgresql, sqlite string }

// rows are what both drivers' have in common.
type rows interface {
	Next() bool
	Scan(into ...any) error
	Err() error
}

// ask runs a query, for all orders or for those with the ids given, and hands each row to scan. Rows are read as they
// come: none are kept.
func (s *snapshot) ask(ctx context.Context, q query, ids []int64, scan func(rows) error) error {
	read, stop, err := s.run(ctx, q, ids)
	if err != nil {
		return fmt.Errorf("read the %s service's database: %w", s.service, err)
	}
	defer stop()
	for read.Next() {
		if err := scan(read); err != nil {
			return err
		}
	}
	if err := read.Err(); err != nil {
		return fmt.Errorf("read the %s service's database: %w", s.service, err)
	}
	return nil
}

func (s *snapshot) run(ctx context.Context, q query, ids []int64) (rows, func(), error) {
	var args []any
	if s.postgresql != nil {
		text := strings.ReplaceAll(q.postgresql, "{only}", "true")
		if ids != nil {
			text, args = strings.ReplaceAll(q.postgresql, "{only}", "order_id = ANY ($1::bigint[])"), []any{ids}
		}
		read, err := s.postgresql.Query(ctx, text, args...)
		if err != nil {
			return nil, nil, err
		}
		return read, read.Close, nil
	}
	text := strings.ReplaceAll(q.sqlite, "{only}", "true")
	if ids != nil {
		text = strings.ReplaceAll(q.sqlite, "{only}", "order_id IN (SELECT value FROM json_each(?1))")
		args = []any{jsonNumbers(ids)}
	}
	read, err := s.tx.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, nil, err
	}
	return read, func() { _ = read.Close() }, nil
}

func jsonNumbers(ids []int64) string {
	return strings.ReplaceAll(fmt.Sprint(ids), " ", ",")
}
