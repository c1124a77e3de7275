package bench

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/testenv"
)

func TestSQLiteFilesStandBesideThePathGivenAndAreRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	databases, err := openDatabases(t.Context(), &Command{Database: database.Config{URL: "sqlite:" + filepath.Join(dir, "orders.db")}})
	if err != nil {
		t.Fatal(err)
	}
	first, drop, err := databases.fresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	order, inventory := urlFor(first, "order"), urlFor(first, "inventory")
	if order == inventory || !strings.HasPrefix(order, "sqlite:"+dir) {
		t.Errorf("%s and %s: want a file a service in %s", order, inventory, dir)
	}
	if err := drop(); err != nil {
		t.Error(err)
	}
	if err := databases.close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestPostgreSQLRowsGetDatabasesOfTheirOwn(t *testing.T) {
	t.Parallel()
	databases, err := newPostgres(t.Context(), testenv.PostgreSQL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer databases.close()
	database, drop, err := databases.fresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if count := query[int](t, database, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"); count != 0 {
		t.Errorf("it holds %d tables", count)
	}
	if err := drop(); err != nil {
		t.Fatal(err)
	}
	if conn, err := pgx.Connect(t.Context(), database); err == nil {
		conn.Close(t.Context())
		t.Error("it is still there")
	}
}

func TestWhereTheRoleMayMakeNoDatabaseTheOneGivenIsUsedUnlessItIsSomebodys(t *testing.T) {
	t.Parallel()
	given := testenv.PostgreSQL(t)
	name := query[string](t, given, "SELECT current_database()")
	role := "bench_" + name
	query[string](t, given, "CREATE ROLE "+role+" LOGIN PASSWORD 'x' NOCREATEDB; GRANT ALL ON DATABASE "+name+" TO "+role)
	t.Cleanup(func() { query[string](t, given, "REVOKE ALL ON DATABASE "+name+" FROM "+role+"; DROP ROLE "+role) })
	as, err := url.Parse(given)
	if err != nil {
		t.Fatal(err)
	}
	as.User = url.UserPassword(role, "x")
	databases, err := newPostgres(t.Context(), as.String())
	if err != nil {
		t.Fatal(err)
	}
	defer databases.close()
	database, drop, err := databases.fresh(t.Context())
	if err != nil || database != as.String() {
		t.Fatalf("got %s (%v), want the one given", database, err)
	}
	query[string](t, database, "CREATE SCHEMA order_service; CREATE TABLE order_service.orders ()")
	if _, err := newPostgres(t.Context(), as.String()); err == nil || !strings.Contains(err.Error(), "order_service") {
		t.Errorf("a database in use: got %v, want a refusal that names the schema", err)
	}
	if err := drop(); err != nil {
		t.Fatal(err)
	}
	if left := query[int](t, database, "SELECT count(*) FROM pg_namespace WHERE nspname = 'order_service'"); left != 0 {
		t.Error("the row's schema is still there")
	}
}

// query runs statements and returns the first value of the last, if it gives one.
func query[T any](t *testing.T, address, sql string) (value T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // cleaning up, too
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if !strings.HasPrefix(sql, "SELECT") {
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		return value
	}
	if err := conn.QueryRow(ctx, sql).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}
