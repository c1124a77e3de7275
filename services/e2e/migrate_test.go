package e2e

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openorder/openorder/services/internal/testenv"
)

func TestServicesWhoseRoleMayNotMigrateServeOnceTheOwnerHas(t *testing.T) {
	t.Parallel()
	owner := testenv.PostgreSQL(t)
	_, brokers := testenv.FakeKafka(t)
	role := roleWithoutDDL(t, owner, "order", "inventory")
	s := apart(t, brokers, func(service string) string {
		if service == "notification" {
			return owner
		}
		return role
	})
	order, inventory, notification := s.run("order", "order"), s.run("inventory", "inventory"), s.run("notification", "notification")
	for _, service := range []string{"order", "inventory"} {
		testenv.Eventually(t, service+" says what it waits for", func() bool {
			return strings.Contains(s.processes[service].output.String(), "run the migrate command with a role that may")
		})
		if code := start(t, s.home, service, "migrate", "--database-url="+owner).exits(time.Minute); code != 0 {
			t.Errorf("%s migrate: exit code %d", service, code)
		}
	}
	s.areUp(order, inventory, notification)
	s.becomes(s.place("ABC-001", 1), "RESERVED")
}

// roleWithoutDDL makes a role that may use what the owner makes for services, and make nothing, and returns its URL.
func roleWithoutDDL(t *testing.T, owner string, services ...string) string {
	t.Helper()
	u, err := url.Parse(owner)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	execute := func(statements ...string) {
		for _, statement := range statements {
			if _, err := conn.Exec(context.Background(), statement); err != nil {
				t.Errorf("%s: %v", statement, err)
			}
		}
	}
	role := strings.TrimPrefix(u.Path, "/") + "_serves"
	execute("CREATE ROLE "+role+" LOGIN PASSWORD 'serves'", "GRANT "+role+" TO CURRENT_USER")
	t.Cleanup(func() {
		execute("DROP OWNED BY "+role, "DROP ROLE "+role)
		_ = conn.Close(context.Background())
	})
	for _, service := range services {
		schema := service + "_service"
		execute("CREATE SCHEMA "+schema, "GRANT USAGE ON SCHEMA "+schema+" TO "+role,
			"ALTER DEFAULT PRIVILEGES IN SCHEMA "+schema+" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "+role)
	}
	u.User = url.UserPassword(role, "serves")
	return u.String()
}
