package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

// system is a running pipeline, however it runs.
type system struct {
	*testing.T
	order, inventory, notification string                      // base URLs
	inventoryAdmins                []string                    // base URLs, one a replica; none where they cannot be reached
	home                           string                      // of the tools
	env                            []string                    // of the tools and of separate processes
	database                       func(service string) string // the URL of a separate process's
	processes                      map[string]*process
	restart                        map[string]func() *process // starts a service again after kill, and waits until it is ready
}

// eachSystem runs a test against every kind of system that there is: one that is given, or else the all-in-one and
// separate processes on a real Kafka and PostgreSQL.
func eachSystem(t *testing.T, test func(s *system)) {
	t.Helper()
	if url := os.Getenv("OPENORDER_E2E_ORDER_URL"); url != "" {
		test(&system{
			T: t, order: url, inventory: os.Getenv("OPENORDER_E2E_INVENTORY_URL"), notification: os.Getenv("OPENORDER_E2E_NOTIFICATION_URL"),
			home: t.TempDir(),
		})
		return
	}
	t.Run("all-in-one", func(t *testing.T) { t.Parallel(); test(allInOne(t)) })
	t.Run("separate", func(t *testing.T) { test(separate(t, testenv.RealKafka(t), testenv.PostgreSQL(t))) })
}

// ownSystems are the systems that the test starts itself and may break.
func ownSystems(t *testing.T, test func(s *system)) {
	t.Helper()
	if os.Getenv("OPENORDER_E2E_ORDER_URL") == "" {
		eachSystem(t, test)
	}
}

func allInOne(t *testing.T) *system {
	t.Helper()
	return allInOneAt(t, "")
}

// allInOneAt keeps its data in the folder given, or else in the test's own.
func allInOneAt(t *testing.T, data string, flags ...string) *system {
	t.Helper()
	home := t.TempDir()
	if data == "" {
		data = filepath.Join(home, "data")
	}
	s := &system{T: t, home: home, processes: map[string]*process{}, restart: map[string]func() *process{}}
	a := [7]string{}
	for i := range a {
		a[i] = freeAddress(t)
	}
	s.order, s.inventory, s.notification = "http://"+a[1], "http://"+a[3], "http://"+a[5]
	s.inventoryAdmins = []string{"http://" + a[4]}
	s.restart["openorder"] = func() *process {
		p := start(t, home, "openorder", append([]string{"--data-dir=" + data, "--kafka-listen=" + a[0],
			"--order-listen=" + a[1], "--order-admin-listen=" + a[2], "--inventory-listen=" + a[3], "--inventory-admin-listen=" + a[4],
			"--notification-listen=" + a[5], "--notification-admin-listen=" + a[6]}, flags...)...)
		s.processes["openorder"] = p
		for _, admin := range []string{a[2], a[4], a[6]} {
			ready(t, admin)
		}
		return p
	}
	s.restart["openorder"]()
	return s
}

// separate starts the three binaries, order and inventory twice, as in a cluster, each with a schema of its own in one
// database. The flags are the notification service's.
func separate(t *testing.T, brokers kafka.Config, databaseURL string, flags ...string) *system {
	t.Helper()
	s := apart(t, brokers, func(string) string { return databaseURL })
	order := s.run("order", "order")
	order2 := s.run("order-2", "order")
	inventory := s.run("inventory", "inventory")
	inventory2 := s.run("inventory-2", "inventory")
	notification := s.run("notification", "notification", flags...)
	s.areUp(order, inventory, notification, order2, inventory2)
	s.inventoryAdmins = append(s.inventoryAdmins, "http://"+inventory2.admin)
	return s
}

// onFiles starts each of the three binaries once, over SQLite.
func onFiles(t *testing.T, brokers kafka.Config) *system {
	t.Helper()
	dir := t.TempDir()
	s := apart(t, brokers, func(service string) string { return "sqlite:" + filepath.Join(dir, service+".db") })
	s.areUp(s.run("order", "order"), s.run("inventory", "inventory"), s.run("notification", "notification"))
	return s
}

// apart is a system of separate processes, none of which runs yet, and its topics.
func apart(t *testing.T, brokers kafka.Config, database func(service string) string) *system {
	t.Helper()
	s := &system{T: t, home: t.TempDir(), processes: map[string]*process{}, restart: map[string]func() *process{}}
	s.database = database
	s.env = []string{
		"KAFKA_BROKERS=" + brokers.Brokers,
		"ORDER_DATABASE_URL=" + database("order"), "INVENTORY_DATABASE_URL=" + database("inventory"), "NOTIFICATION_DATABASE_URL=" + database("notification"),
	}
	if out, err := tool(t, s.home, s.env, "topics", "create", "--partitions=6"); err != nil {
		t.Fatalf("topics create: %v\n%s", err, out)
	}
	return s
}

// addresses are where a service listens.
type addresses struct{ api, admin string }

// run starts a binary under a name, and does not wait for it.
func (s *system) run(name, binary string, flags ...string) addresses {
	s.Helper()
	listen := addresses{freeAddress(s.T), freeAddress(s.T)}
	begin := func() *process {
		s.processes[name] = startIn(s.T, s.home, s.env, binary, append([]string{
			"--database-url=" + s.database(binary), "--listen=" + listen.api, "--admin-listen=" + listen.admin, "--drain-delay=0s",
		}, flags...)...)
		return s.processes[name]
	}
	s.restart[name] = func() *process {
		p := begin()
		ready(s.T, listen.admin)
		return p
	}
	begin()
	return listen
}

// areUp waits until services are ready, and tells the test where they are.
func (s *system) areUp(order, inventory, notification addresses, others ...addresses) {
	s.Helper()
	for _, service := range append(others, order, inventory, notification) {
		ready(s.T, service.admin)
	}
	s.order, s.inventory, s.notification = "http://"+order.api, "http://"+inventory.api, "http://"+notification.api
	s.inventoryAdmins = []string{"http://" + inventory.admin}
	s.putStock("ABC-001", 1000)
	s.putStock("FAIL", 1000)
}
