package e2e

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

func TestAFullDiskUnderTheAllInOneCostsTimeAndNoOrder(t *testing.T) {
	t.Parallel()
	disk := testenv.SmallDisk(t)
	s := allInOneAt(t, filepath.Join(disk, "data"))
	l := s.beginLoad()
	free := testenv.Fill(t, disk)
	l.isRefused(s)
	free()
	s.recovers(l)
}

func TestTheAllInOneKilledOnAFullDiskComesBackWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	disk := testenv.SmallDisk(t)
	s := allInOneAt(t, filepath.Join(disk, "data"))
	l := s.beginLoad()
	free := testenv.Fill(t, disk)
	l.isRefused(s)
	s.processes["openorder"].kill()
	free()
	s.restart["openorder"]()
	s.recovers(l)
}

func TestAFullDiskUnderPostgreSQLCostsTimeAndNoOrder(t *testing.T) {
	t.Parallel()
	brokers := testenv.RealKafka(t)
	disk := testenv.SmallDisk(t)
	database, startAgain := postgreSQLOn(t, disk)
	s := separate(t, brokers, database)
	l := s.beginLoad()
	free := testenv.Fill(t, disk)
	l.isRefused(s)
	free()
	startAgain() // a server that could not write its log ends, and is started again by whoever runs it
	s.recovers(l)
}

func TestAFullDiskUnderKafkaCostsTimeAndNoOrder(t *testing.T) {
	t.Parallel()
	database := testenv.PostgreSQL(t)
	disk := testenv.SmallDisk(t)
	brokers, startAgain := kafkaOn(t, disk)
	s := separate(t, brokers, database)
	l := s.beginLoad()
	free := testenv.Fill(t, disk)
	l.goesOn(s, 2000) // orders are taken meanwhile
	testenv.Eventually(t, 2*time.Minute, "the broker that cannot write ends", func() bool {
		conn, err := net.Dial("tcp", brokers.Brokers)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	free()
	startAgain()
	s.recovers(l)
}

// beginLoad places orders that nothing is wrong with, and waits until they flow.
func (s *system) beginLoad() *load {
	s.Helper()
	s.putStock("ABC-001", 1_000_000)
	l := s.loadOf(4, func(int) string { return "ABC-001" })
	l.goesOn(s, 200)
	return l
}

// isRefused waits until orders are turned away, and checks how.
func (l *load) isRefused(s *system) {
	s.Helper()
	before := l.failed.Load()
	testenv.Eventually(s, 2*time.Minute, "orders are refused", func() bool { return l.failed.Load() > before+8 })
	response, text, err := request(s.T, "POST", s.order+"/api/orders", orderBody("ABC-001", 1), nil)
	if err != nil || response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
		s.Errorf("POST: %v %+v %s, want 503 with Retry-After", err, response, text)
	}
}

// recovers checks that work goes on by itself, and that nothing was lost, dead-lettered or done twice.
func (s *system) recovers(l *load) {
	s.Helper()
	l.goesOn(s, 200)
	l.allDecided(s)
	s.audit()
	if s.hasDeadLetters() {
		s.Error("orders were dead-lettered")
	}
}

// postgreSQLOn starts a server of the test's own with its data in a folder.
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
	return u.String(), func() { _ = control("start") } // refused where it runs still
}

// kafkaOn starts a broker of the test's own with its data in a folder.
func kafkaOn(t *testing.T, dir string) (brokers kafka.Config, startAgain func()) {
	t.Helper()
	first, _, _ := strings.Cut(testenv.RealKafka(t).Brokers, ",")
	address := nextPort(t, first)
	_, port, _ := net.SplitHostPort(address)
	control := serverControl(t, "OPENORDER_TEST_KAFKA_CONTROL", "KAFKA_STATE="+filepath.Join(dir, "kafka"), "KAFKA_PORT="+port)
	t.Cleanup(func() { _ = control("down") })
	if err := control("up", "1"); err != nil {
		t.Fatal(err)
	}
	return kafka.Config{Brokers: address}, func() {
		if err := control("start", "1"); err != nil {
			t.Error(err)
		}
	}
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
