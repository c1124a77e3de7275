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
	if err := execute(admin, "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// An autovacuum worker in it is a superuser's, whom FORCE may not end; it ends by itself.
		Eventually(t, "the test database is dropped", func() bool {
			return execute(admin, "DROP DATABASE "+name+" WITH (FORCE)") == nil
		})
	})
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func execute(address, statement string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return fmt.Errorf("connect to the test PostgreSQL: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}
