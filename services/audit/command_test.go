package audit

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openorder/openorder/services/internal/testenv"
)

func TestWrongSettingsAreRefusedAllAtOnce(t *testing.T) {
	t.Parallel()
	err := (&Command{Order: "mysql://x:secret@y", Notification: "sqlite:x", NotificationFile: "file", Patience: -1}).Validate()
	for _, want := range []string{"--kafka-brokers", "--order-database-url", "--inventory-database-url", "--notification-database-url", "--patience"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in: %v", want, err)
		}
	}
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("a password is shown: %v", err)
	}
}

// fileWith is a file that holds a text, with the line break that editors leave.
func fileWith(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFilesThatHoldNoURLAreNamed(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	command := Command{
		Kafka: brokers, OrderFile: filepath.Join(t.TempDir(), "nowhere"), InventoryFile: fileWith(t, "a:secret"), Notification: "sqlite:x",
	}
	err := command.Run(t.Context(), nil, nil)
	if err == nil || !strings.Contains(err.Error(), "--order-database-url-file: ") || !strings.Contains(err.Error(), "--inventory-database-url-file: ") {
		t.Errorf("said %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("what the file holds is shown: %v", err)
	}
}

// Each service's tables are read by a role of its own that may do nothing but SELECT from them.
func TestRolesThatMayOnlySelectAreEnough(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	w := newWorld(t, brokers, true)
	w.live(map[int64]life{1: sound[1]}, nil)
	command := Command{
		Kafka: brokers, OrderFile: fileWith(t, w.reader("order")), InventoryFile: fileWith(t, w.reader("inventory")),
		NotificationFile: fileWith(t, w.reader("notification")),
	}
	var out bytes.Buffer
	if err := command.Run(t.Context(), &out, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "1 orders") {
		t.Errorf("got %s", out.String())
	}
}

// reader makes a role that may read a service's tables, and returns its URL.
func (w *world) reader(service string) string {
	w.t.Helper()
	u, err := url.Parse(w.urls[service])
	if err != nil {
		w.t.Fatal(err)
	}
	role := strings.TrimPrefix(u.Path, "/") + "_" + service
	for _, statement := range []string{
		`CREATE ROLE %[1]s LOGIN PASSWORD 'only-reads'`,
		`GRANT USAGE ON SCHEMA %[2]s_service TO %[1]s`,
		`GRANT SELECT ON ALL TABLES IN SCHEMA %[2]s_service TO %[1]s`,
	} {
		w.exec(service, fmt.Sprintf(statement, role, service))
	}
	w.t.Cleanup(func() {
		if _, err := w.databases[service].PostgreSQL.Exec(context.Background(), fmt.Sprintf(
			`REVOKE ALL ON ALL TABLES IN SCHEMA %[2]s_service FROM %[1]s; REVOKE ALL ON SCHEMA %[2]s_service FROM %[1]s; DROP ROLE %[1]s`, role, service)); err != nil {
			w.t.Error(err)
		}
	})
	u.User = url.UserPassword(role, "only-reads")
	return u.String()
}

func TestTwoRolesOfOneDatabaseShareItsSnapshot(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	w := newWorld(t, brokers, true)
	first, err := openSnapshot(t.Context(), "notification", w.reader("notification"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer first.close()
	w.live(map[int64]life{1: {order: pending}}, nil)
	second, err := openSnapshot(t.Context(), "order", w.reader("order"), []*snapshot{first})
	if err != nil {
		t.Fatal(err)
	}
	defer second.close()
	if got := orders(t, second); got != 0 {
		t.Errorf("%d orders placed after the snapshot are seen", got)
	}
}
