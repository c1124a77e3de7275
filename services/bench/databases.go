package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/openorder/openorder/services/internal/database"
)

// databases makes a database for each row and drops it again.
type databases interface {
	// fresh is the URL of an empty one, for all services of a row, and how to drop it.
	fresh(ctx context.Context) (url string, drop func() error, err error)
	describe() string
	close() error
}

func openDatabases(ctx context.Context, c *Command) (databases, error) {
	raw, err := database.Config(c.Database).Resolve()
	if err != nil {
		return nil, err
	}
	path, isSQLite := strings.CutPrefix(raw, "sqlite:")
	if raw == "" || isSQLite {
		return newSQLite(path)
	}
	return newPostgres(ctx, raw)
}

// sqlite makes its files in a directory of its own, beside the path given.
type sqlite struct{ dir string }

func newSQLite(path string) (*sqlite, error) {
	parent := ""
	if path != "" {
		parent = filepath.Dir(path)
	}
	dir, err := os.MkdirTemp(parent, "openorder-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for databases: %w", err)
	}
	return &sqlite{dir}, nil
}

func (s *sqlite) describe() string { return "SQLite" }

func (s *sqlite) close() error { return os.RemoveAll(s.dir) }

// fresh names a file in a new directory; see urlFor.
func (s *sqlite) fresh(context.Context) (string, func() error, error) {
	dir, err := os.MkdirTemp(s.dir, "row-")
	if err != nil {
		return "", nil, fmt.Errorf("make a directory for a database: %w", err)
	}
	return "sqlite:" + filepath.Join(dir, "bench.db"), func() error { return os.RemoveAll(dir) }, nil
}

// urlFor is a service's own part of a row's database. SQLite has no schemas, so there it is a file of its own.
func urlFor(database, service string) string {
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		return "sqlite:" + filepath.Join(filepath.Dir(path), service+".db")
	}
	return database
}

// schemas are the services' in PostgreSQL.
var schemas = []string{"order_service", "inventory_service", "notification_service"}

// postgres makes databases on a server, or uses the one given where its role may not.
type postgres struct {
	given   *url.URL
	admin   *pgx.Conn
	version string
	own     bool // may make databases
}

func newPostgres(ctx context.Context, raw string) (*postgres, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	given, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("--database-url: %w", err)
	}
	admin, err := pgx.Connect(ctx, raw)
	if err != nil {
		return nil, fmt.Errorf("reach the database: %w", err)
	}
	p := &postgres{given: given, admin: admin}
	err = admin.QueryRow(ctx, `SELECT current_setting('server_version'),
		(SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user)`).Scan(&p.version, &p.own)
	if err == nil && !p.own {
		err = p.refuseUsed(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("look at the database: %w", err), p.close())
	}
	return p, nil
}

func (p *postgres) refuseUsed(ctx context.Context) error {
	rows, err := p.admin.Query(ctx, `SELECT nspname FROM pg_namespace WHERE nspname = ANY($1)`, schemas)
	if err != nil {
		return err
	}
	used, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	if len(used) > 0 {
		return fmt.Errorf("it holds the schema %s already, and its role may not make a database of the bench's own; give an empty database",
			strings.Join(used, ", "))
	}
	return nil
}

func (p *postgres) describe() string {
	version, _, _ := strings.Cut(p.version, " ")
	return "PostgreSQL " + version
}

func (p *postgres) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return p.admin.Close(ctx)
}

func (p *postgres) fresh(ctx context.Context) (string, func() error, error) {
	// What the row before left to be written must not be this one's burden. Only some roles may ask for it.
	if _, err := p.admin.Exec(ctx, "CHECKPOINT"); err != nil && !isDenied(err) {
		return "", nil, fmt.Errorf("checkpoint: %w", err)
	}
	if !p.own {
		return p.given.String(), p.dropSchemas, nil
	}
	name := "openorder_bench_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := p.admin.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", nil, fmt.Errorf("create a database: %w", err)
	}
	address := *p.given
	address.Path = "/" + name
	return address.String(), func() error { return p.execute("DROP DATABASE " + name) }, nil
}

func (p *postgres) dropSchemas() error {
	return p.execute("DROP SCHEMA IF EXISTS " + strings.Join(schemas, ", ") + " CASCADE")
}

// execute tries for a while: the last connections of a stopped service may still be ending, and a server that vacuums a
// database has to be told to leave off, which only it may do itself (so no WITH (FORCE)).
func (p *postgres) execute(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := untilDone(ctx, 30*time.Second, func() error {
		_, err := p.admin.Exec(ctx, statement)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

func isDenied(err error) bool {
	var refusal *pgconn.PgError
	return errors.As(err, &refusal) && refusal.Code == "42501"
}
