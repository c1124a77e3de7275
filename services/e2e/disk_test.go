package e2e

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/openorder/openorder/services/internal/testenv"
)

func TestAFullDiskUnderTheAllInOneCostsTimeAndNoOrder(t *testing.T) {
	t.Parallel()
	disk := testenv.SmallDisk(t)
	s := allInOneAt(t, filepath.Join(disk, "data"))
	s.outOfRoom(disk, func(l *load) { l.isRefused(s) }, func() {})
}

func TestTheAllInOneKilledOnAFullDiskComesBackWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	disk := testenv.SmallDisk(t)
	s := allInOneAt(t, filepath.Join(disk, "data"))
	s.outOfRoom(disk, func(l *load) {
		l.isRefused(s)
		s.processes["openorder"].kill()
	}, func() { s.restart["openorder"]() })
}

func TestAFullDiskUnderPostgreSQLCostsTimeAndNoOrder(t *testing.T) {
	t.Parallel()
	disk := testenv.SmallDisk(t)
	database, startAgain := postgreSQLOn(t, disk)
	s := separate(t, testenv.RealKafka(t), database)
	s.outOfRoom(disk, func(l *load) { l.isRefused(s) }, startAgain)
}

func TestAFullDiskUnderKafkaCostsTimeAndNoOrder(t *testing.T) {
	t.Parallel()
	disk := testenv.SmallDisk(t)
	brokers, startAgain := kafkaOn(t, disk)
	s := separate(t, brokers, testenv.PostgreSQL(t))
	s.outOfRoom(disk, func(l *load) {
		l.goesOn(s, 200) // orders are taken meanwhile
		testenv.Eventually(t, "the broker that cannot write ends", func() bool {
			conn, err := net.Dial("tcp", brokers.Brokers)
			if err == nil {
				_ = conn.Close()
			}
			return err != nil
		})
		l.goesOn(s, 200)
	}, startAgain)
}

// outOfRoom fills a disk under load: once there is room again, and after was called, work goes on by itself, and nothing
// was lost, dead-lettered or done twice.
func (s *system) outOfRoom(disk string, meanwhile func(*load), after func()) {
	s.Helper()
	s.putStock("ABC-001", 1_000_000)
	l := s.loadOf(4, func(int) string { return "ABC-001" }) // none fails on purpose
	l.goesOn(s, 200)
	free := testenv.Fill(s, disk)
	meanwhile(l)
	free()
	after()
	l.goesOn(s, 200)
	l.allDecided(s)
	s.audit()
	if s.hasDeadLetters() {
		s.Error("orders were dead-lettered")
	}
}
