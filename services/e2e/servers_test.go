package e2e

import (
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

// postgreSQLOn starts a server of the test's own with its data in a folder. One that could not write ends, and is started
// again by whoever runs it.
func postgreSQLOn(t *testing.T, dir string) (address string, startAgain func()) {
	t.Helper()
	u, err := url.Parse(testenv.PostgreSQL(t))
	if err != nil {
		t.Fatal(err)
	}
	u.Host = nextPort(t, u.Host)
	u.Path = "/openorder"
	control := serverControl(t, "OPENORDER_TEST_POSTGRES_CONTROL", "PG_STATE="+filepath.Join(dir, "postgresql"), "PG_PORT="+u.Port())
	t.Cleanup(func() { _ = control("down") })
	if err := control("up"); err != nil {
		t.Fatal(err)
	}
	return u.String(), func() {
		testenv.Eventually(t, "PostgreSQL serves again", func() bool {
			conn, err := pgx.Connect(t.Context(), u.String())
			if err != nil {
				_ = control("start") // refused while the one before still ends
				return false
			}
			_ = conn.Close(t.Context())
			return true
		})
	}
}

// kafkaOn starts a broker of the test's own with its data in a folder.
func kafkaOn(t *testing.T, dir string) (brokers kafka.Config, startAgain func()) {
	t.Helper()
	first, _, _ := strings.Cut(testenv.KafkaAddress(t), ",")
	address := nextPort(t, first)
	_, port, _ := net.SplitHostPort(address)
	control := serverControl(t, "OPENORDER_TEST_KAFKA_CONTROL", "KAFKA_STATE="+filepath.Join(dir, "kafka"), "KAFKA_PORT="+port)
	t.Cleanup(func() {
		if t.Failed() {
			_ = control("logs", "1")
		}
		_ = control("down")
	})
	start := func() {
		// Nothing is done to one that serves; it is refused while the one before still ends.
		testenv.Eventually(t, "the broker serves", func() bool { return control("start", "1") == nil })
	}
	if err := control("up", "1"); err != nil { // where it has only not begun yet, too
		start()
	}
	return kafka.Config{Brokers: address}, start
}

// serverControl is a command that starts and stops servers.
func serverControl(t *testing.T, variable string, env ...string) func(args ...string) error {
	t.Helper()
	command := testenv.Control(t, variable)
	return func(args ...string) error {
		c := exec.Command(command, args...)
		c.Env = append(os.Environ(), env...)
		out, err := c.CombinedOutput()
		t.Logf("%s %s: %v\n%s", command, strings.Join(args, " "), err, out)
		return err
	}
}

// nextPort is an address that a second server next to one may have.
func nextPort(t *testing.T, address string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort(host, strconv.Itoa(number+20))
}
