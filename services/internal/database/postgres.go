package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// settings are what the URL may override. The time-outs bound how long a frozen process, or one whose machine is gone,
// keeps others from the rows it has locked. Connections are short-lived enough to follow a failover that leaves the old
// server up.
var settings = map[string]string{
	"connect_timeout":                     "5",
	"pool_max_conns":                      "10",
	"pool_max_conn_lifetime":              "10m",
	"pool_max_conn_lifetime_jitter":       "2m",
	"pool_ping_timeout":                   "2s",
	"idle_in_transaction_session_timeout": "5s",
	"lock_timeout":                        "4s",
	"statement_timeout":                   "30s",
}

func openPostgreSQL(ctx context.Context, c Config, raw string, schema Schema, log *slog.Logger) (*DB, error) {
	config, err := poolConfig(c, raw, schema.Name)
	if err != nil {
		return nil, err
	}
	if err := migratePostgreSQL(ctx, config, schema, log); err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return &DB{PostgreSQL: pool}, nil
}

// poolConfig resolves the URL again for each new connection, so that a changed password or host takes effect.
func poolConfig(c Config, raw, schema string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(withSettings(raw, schema))
	if err != nil {
		if c.URLFile == "" && !errors.Is(err, fs.ErrNotExist) { // a certificate's file may still come
			return nil, permanentError{fmt.Errorf("--database-url: %w", err)}
		}
		return nil, err
	}
	harden(config.ConnConfig)
	config.BeforeConnect = func(_ context.Context, next *pgx.ConnConfig) error {
		raw, err := c.Resolve()
		if err != nil {
			return err
		}
		fresh, err := pgxpool.ParseConfig(withSettings(raw, schema))
		if err != nil {
			return err
		}
		harden(fresh.ConnConfig)
		*next = *fresh.ConnConfig
		return nil
	}
	return config, nil
}

// withSettings adds the settings that the URL does not make itself, and the schema.
func withSettings(raw, schema string) string {
	base, query, _ := strings.Cut(raw, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return raw // refused by the driver, with a message of its own
	}
	for key, value := range settings {
		if !values.Has(key) {
			values.Set(key, value)
		}
	}
	if !values.Has("application_name") {
		values.Set("application_name", schema)
	}
	values.Set("search_path", pgx.Identifier{schema}.Sanitize())
	return base + "?" + strings.ReplaceAll(values.Encode(), "+", "%20")
}

// harden makes connections notice that their server is gone, or that it is no primary any more.
func harden(config *pgx.ConnConfig) {
	config.DialFunc = dialer(config.ConnectTimeout).DialContext
	keep := config.OnPgError
	config.OnPgError = func(conn *pgconn.PgConn, err *pgconn.PgError) bool {
		return err.Code != readOnlyTransaction && keep(conn, err)
	}
}

// migrationConfig is for a connection that may take its time over a statement. It still waits for locks no longer than
// others do: a migration that queues behind a long transaction would stop everybody who queues behind it.
func migrationConfig(config *pgxpool.Config) (pgx.ConnConfig, stdlib.OptionOpenDB) {
	unlimited := func(c *pgx.ConnConfig) { c.RuntimeParams["statement_timeout"] = "0" }
	conn := config.ConnConfig.Copy()
	unlimited(conn)
	return *conn, stdlib.OptionBeforeConnect(func(ctx context.Context, next *pgx.ConnConfig) error {
		if err := config.BeforeConnect(ctx, next); err != nil {
			return err
		}
		unlimited(next)
		return nil
	})
}
