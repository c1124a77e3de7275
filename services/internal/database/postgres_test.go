package database_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/testenv"
)

// admin is a connection of the role that owns the test's database.
func admin(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func execute(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := conn.Exec(context.WithoutCancel(t.Context()), statement); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", statement, err))
		}
	}
}

// newRole makes a role that may log in, and nothing else.
func newRole(t *testing.T, address string) (role, itsURL string) {
	t.Helper()
	role = "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	conn := admin(t, address)
	execute(t, conn, "CREATE ROLE "+role+" LOGIN PASSWORD 'secret'", "GRANT "+role+" TO CURRENT_USER")
	t.Cleanup(func() { execute(t, conn, "DROP OWNED BY "+role, "DROP ROLE "+role) })
	return role, as(t, address, role, "secret")
}

func as(t *testing.T, address, user, password string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPostgreSQLIsWaitedForWhateverIsMissing(t *testing.T) {
	t.Parallel()
	good := testenv.PostgreSQL(t)
	file := filepath.Join(t.TempDir(), "url")
	o := startOpening(t, database.Config{URLFile: file}, 2)

	o.awaitReport("no such file")
	tries := len(o.reported())
	testenv.Eventually(t, "it tries again", func() bool { return len(o.reported()) > tries })
	reasons := []struct{ text, reason string }{
		{"half of a U", "is neither postgres://"},
		{"postgres://openorder:openorder@127.0.0.1:1/openorder", "connection refused"},
		{as(t, good, "nobody_of_that_name", "x"), "SQLSTATE 28"},
		{good + "_missing", "SQLSTATE 3D000"},
	}
	for _, r := range reasons {
		writeFile(t, file, r.text)
		o.awaitReport(r.reason)
	}
	writeFile(t, file, good)
	db, err := o.end()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.PostgreSQL.Exec(t.Context(), "INSERT INTO second VALUES (1, 'x')"); err != nil {
		t.Error(err)
	}
	reports := o.reported()
	if reports[len(reports)-1] != "" {
		t.Errorf("the last report is %q", reports[len(reports)-1])
	}
	said := map[string]bool{}
	for line := range strings.Lines(o.log.String()) {
		_, why, waits := strings.Cut(line, "waiting for the database")
		if waits && said[why] {
			t.Errorf("said twice: %s", why)
		}
		said[why] = waits
	}
	for _, r := range reasons {
		if !strings.Contains(o.log.String(), r.reason) {
			t.Errorf("nothing says %q:\n%s", r.reason, o.log.String())
		}
	}
	if strings.Contains(o.log.String(), "openorder:openorder") {
		t.Error("the log shows a password")
	}
}

func TestAURLThatMakesNoSenseIsAnErrorAtOnce(t *testing.T) {
	t.Parallel()
	_, err := database.Open(t.Context(), database.Config{URL: "postgres://u:p@127.0.0.1/db?sslmode=perhaps"}, schema(1), quiet, func(error) {})
	if err == nil || !strings.Contains(err.Error(), "--database-url") {
		t.Errorf("got %v", err)
	}
}

func TestACertificateFileThatIsMissingIsWaitedFor(t *testing.T) {
	t.Parallel()
	o := startOpening(t, database.Config{URL: "postgres://u:p@127.0.0.1/db?sslmode=verify-full&sslrootcert=/not/yet"}, 1)
	o.awaitReport("/not/yet")
	o.stop()
	if _, err := o.end(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestConnectionsAreSetUpForOneSchemaAndBoundedLocks(t *testing.T) {
	t.Parallel()
	address := testenv.PostgreSQL(t)
	db := mustOpen(t, address+"?lock_timeout=1s&pool_max_conns=3", 1)
	got := map[string]string{}
	for _, name := range []string{"search_path", "idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout", "application_name"} {
		var value string
		if err := db.PostgreSQL.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&value); err != nil {
			t.Fatal(err)
		}
		got[name] = value
	}
	want := map[string]string{
		"search_path": `"order_service"`, "idle_in_transaction_session_timeout": "5s", "lock_timeout": "1s", // the URL's
		"statement_timeout": "30s", "application_name": "order_service",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if n := db.PostgreSQL.Config().MaxConns; n != 3 {
		t.Errorf("want the URL's 3 connections at most, got %d", n)
	}
}

func TestConcurrentProcessesMigratePostgreSQLOnce(t *testing.T) {
	t.Parallel()
	address := testenv.PostgreSQL(t)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if err := database.Migrate(t.Context(), database.Config{URL: address}, schema(3), quiet); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var versions []int64
	rows, err := admin(t, address).Query(t.Context(), "SELECT version_id FROM order_service.schema_version ORDER BY id")
	if err == nil {
		versions, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	}
	if diff := cmp.Diff([]int64{0, 1, 2, 3}, versions); err != nil || diff != "" {
		t.Errorf("versions applied (-want +got): %v\n%s", err, diff)
	}
}

func TestServicesShareADatabaseWithoutMeeting(t *testing.T) {
	t.Parallel()
	address := testenv.PostgreSQL(t)
	mustOpen(t, address, 2)
	other := schema(1)
	other.Name = "inventory_service"
	db, err := database.Open(t.Context(), database.Config{URL: address}, other, quiet, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.PostgreSQL.Exec(t.Context(), "SELECT FROM second"); !database.Outage(err) {
		t.Errorf("a table of another service's is seen: %v", err)
	}
}

func TestARoleThatMayNotMigrateWaitsUntilSomebodyHas(t *testing.T) {
	t.Parallel()
	address := testenv.PostgreSQL(t)
	role, itsURL := newRole(t, address)
	if err := database.Migrate(t.Context(), database.Config{URL: itsURL}, schema(2), quiet); err == nil || !strings.Contains(err.Error(), "role that may") {
		t.Errorf("migrating without the right: %v", err)
	}
	o := startOpening(t, database.Config{URL: itsURL}, 2)
	o.awaitReport("schema order_service is at version 0, needs 2: run the migrate command with a role that may")

	owner := admin(t, address)
	execute(t, owner, "CREATE SCHEMA order_service", "GRANT USAGE ON SCHEMA order_service TO "+role,
		"ALTER DEFAULT PRIVILEGES IN SCHEMA order_service GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "+role)
	if err := database.Migrate(t.Context(), database.Config{URL: address}, schema(1), quiet); err != nil {
		t.Fatal(err)
	}
	o.awaitReport("schema order_service is at version 1, needs 2")
	if err := database.Migrate(t.Context(), database.Config{URL: address}, schema(2), quiet); err != nil {
		t.Fatal(err)
	}
	db, err := o.end()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.PostgreSQL.Exec(t.Context(), "INSERT INTO second VALUES (1, 'x')"); err != nil {
		t.Error(err)
	}
}

func TestASchemaNewerThanTheProgramIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	address := testenv.PostgreSQL(t)
	mustOpen(t, address, 3)
	mustOpen(t, address, 1)
}

func TestAChangedLoginTakesEffectWithoutRestart(t *testing.T) {
	t.Parallel()
	address := testenv.PostgreSQL(t)
	before, beforeURL := newRole(t, address)
	after, afterURL := newRole(t, address)
	owner := admin(t, address)
	execute(t, owner, "CREATE SCHEMA order_service")
	for _, role := range []string{before, after} {
		execute(t, owner, "GRANT USAGE, CREATE ON SCHEMA order_service TO "+role)
	}
	file := filepath.Join(t.TempDir(), "url")
	writeFile(t, file, beforeURL)
	db, err := startOpening(t, database.Config{URLFile: file}, 1).end()
	if err != nil {
		t.Fatal(err)
	}
	execute(t, owner, "ALTER ROLE "+before+" NOLOGIN")
	writeFile(t, file, afterURL)
	db.PostgreSQL.Reset() // as when the server restarts
	var user string
	if err := db.PostgreSQL.QueryRow(t.Context(), "SELECT current_user").Scan(&user); err != nil || user != after {
		t.Errorf("want %s, got %s, %v", after, user, err)
	}
}

func TestAConnectionToAServerThatIsNoPrimaryAnyMoreIsDropped(t *testing.T) {
	t.Parallel()
	db := mustOpen(t, testenv.PostgreSQL(t)+"?pool_max_conns=1", 1)
	if _, err := db.PostgreSQL.Exec(t.Context(), "SET default_transaction_read_only = on"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.PostgreSQL.Exec(t.Context(), "INSERT INTO first VALUES (1, 'x')"); !database.Outage(err) {
		t.Errorf("a read-only server: %v", err)
	}
	if _, err := db.PostgreSQL.Exec(t.Context(), "INSERT INTO first VALUES (1, 'x')"); err != nil {
		t.Errorf("a new connection: %v", err)
	}
}

func TestMigratingWaitsNoLongerThanOthersForALock(t *testing.T) {
	t.Parallel()
	address := testenv.PostgreSQL(t)
	mustOpen(t, address, 1)
	holder := admin(t, address)
	execute(t, holder, "BEGIN", "LOCK TABLE order_service.schema_version")
	o := startOpening(t, database.Config{URL: address}, 2)
	o.awaitReport("SQLSTATE 55P03")
	execute(t, holder, "COMMIT")
	if _, err := o.end(); err != nil {
		t.Error(err)
	}
}

func TestPostgreSQLShowsItsConnections(t *testing.T) {
	t.Parallel()
	db := mustOpen(t, testenv.PostgreSQL(t)+"?pool_max_conns=2", 1)
	reg := prometheus.NewRegistry()
	db.Register(reg)
	conn, err := db.PostgreSQL.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	err = testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP postgresql_pool_connections Connections of the pool, by state: acquired, idle or constructing.
# TYPE postgresql_pool_connections gauge
postgresql_pool_connections{state="acquired"} 1
postgresql_pool_connections{state="constructing"} 0
postgresql_pool_connections{state="idle"} 0
# HELP postgresql_pool_connections_max The most connections that the pool may have.
# TYPE postgresql_pool_connections_max gauge
postgresql_pool_connections_max 2
`), "postgresql_pool_connections", "postgresql_pool_connections_max")
	if err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("metrics lint: %v %v", problems, err)
	}
}
