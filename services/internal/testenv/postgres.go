package testenv

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// PostgreSQL is the URL of a new, empty database, dropped when the test ends. Tests that use it may run in parallel.
func PostgreSQL(t testing.TB) string {
	t.Helper()
	admin := need(t, "OPENORDER_TEST_POSTGRES", "a PostgreSQL server")
	name := "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	execute(t, admin, "CREATE DATABASE "+name)
	t.Cleanup(func() { execute(t, admin, "DROP DATABASE "+name+" WITH (FORCE)") })
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func execute(t testing.TB, address, statement string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(fmt.Errorf("connect to the test PostgreSQL: %w", err))
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", statement, err))
	}
}
