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

// snapshot is one unchanging view of a database for one service's tables. It cannot write.
type snapshot struct {
	service    string
	postgresql *pgx.Conn
	database   string // which one the URL names, whoever asks
	exported   string // PostgreSQL's name of the snapshot
	sqlite     *sql.DB
	tx         *sql.Tx
}

// openSnapshot connects and takes a snapshot, the same one where another service's has been taken of the same database.
func openSnapshot(ctx context.Context, service, address string, taken []*snapshot) (*snapshot, error) {
	s := &snapshot{service: service}
	config, err := s.place(address)
	if err != nil {
		return nil, fmt.Errorf("open the %s service's database: %w", service, err)
	}
	var same *snapshot
	for _, other := range taken {
		if other.database == s.database {
			same = other
		}
	}
	switch {
	case config != nil:
		err = s.openPostgreSQL(ctx, config, same)
	case same != nil:
		s.tx = same.tx // which the other one closes
	default:
		err = s.openSQLite(ctx, strings.TrimPrefix(address, "sqlite:"))
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("open the %s service's database: %w", service, err)
	}
	return s, nil
}

// place tells databases apart, and returns how to connect to a PostgreSQL: services may come to the same one by roles of
// their own.
func (s *snapshot) place(address string) (*pgx.ConnConfig, error) {
	if strings.HasPrefix(address, "sqlite:") {
		s.database = address
		return nil, nil
	}
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, errors.New("the URL is neither postgres://USER:PASSWORD@HOST:PORT/NAME nor sqlite:PATH") // it may hold a password
	}
	s.database = fmt.Sprintf("%s:%d/%s", config.Host, config.Port, config.Database)
	return config, nil
}

func (s *snapshot) openPostgreSQL(ctx context.Context, config *pgx.ConnConfig, same *snapshot) (err error) {
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
	begin := `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`
	if same != nil {
		begin += `; SET TRANSACTION SNAPSHOT '` + same.exported + `'`
	}
	if _, err = s.postgresql.Exec(ctx, begin); err != nil {
		return err
	}
	return s.postgresql.QueryRow(ctx, `SELECT pg_export_snapshot()`).Scan(&s.exported)
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
	if s.sqlite != nil {
		if s.tx != nil {
			_ = s.tx.Rollback() // nothing was written
		}
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
