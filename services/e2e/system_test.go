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
	order, inventory, notification string   // base URLs
	inventoryAdmins                []string // base URLs, one a replica; none where they cannot be reached
	home                           string   // of the tools
	env                            []string
	processes                      map[string]*process
	restart                        map[string]func() *process // starts a service again after kill
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
	home := t.TempDir()
	s := &system{T: t, home: home, processes: map[string]*process{}, restart: map[string]func() *process{}}
	s.env = []string{"KAFKA_BROKERS=" + brokers.Brokers, "DATABASE_URL=" + databaseURL}
	if out, err := tool(t, home, s.env, "topics", "create", "--partitions=6"); err != nil {
		t.Fatalf("topics create: %v\n%s", err, out)
	}
	run := func(name, binary string, flags ...string) (api, admin string) {
		listen, adminListen := freeAddress(t), freeAddress(t)
		s.restart[name] = func() *process {
			p := start(t, home, binary, append([]string{"--kafka-brokers=" + brokers.Brokers, "--database-url=" + databaseURL,
				"--listen=" + listen, "--admin-listen=" + adminListen, "--drain-delay=0s"}, flags...)...)
			s.processes[name] = p
			return p
		}
		s.restart[name]()
		ready(t, adminListen)
		return "http://" + listen, "http://" + adminListen
	}
	s.order, _ = run("order", "order")
	run("order-2", "order")
	inventory, admin := run("inventory", "inventory")
	_, admin2 := run("inventory-2", "inventory")
	s.inventory, s.inventoryAdmins = inventory, []string{admin, admin2}
	s.notification, _ = run("notification", "notification", flags...)
	s.putStock("ABC-001", 1000)
	s.putStock("FAIL", 1000)
	return s
}
