package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/openorder/openorder/services/internal/testenv"
)

func TestTheAllInOneEndsInOrder(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]os.Signal{"SIGTERM": syscall.SIGTERM, "Ctrl-C": os.Interrupt} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := allInOne(t)
			id := s.place("ABC-001", 1)
			if code := s.processes["openorder"].stop(signal); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			s.restart["openorder"]()
			s.becomes(id, "RESERVED")
		})
	}
}

func TestEachServiceEndsInOrder(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	s := onFiles(t, brokers)
	id := s.place("ABC-001", 1)
	for name, p := range s.processes {
		if code := p.stop(syscall.SIGTERM); code != 0 {
			t.Errorf("%s: exit code %d after SIGTERM, want 0", name, code)
		}
		s.restart[name]()
	}
	s.becomes(id, "RESERVED")
	s.audit()
}

// The broker goes away under load, so that what is in flight is never answered.
func TestEachServiceEndsInOrderWithoutItsBroker(t *testing.T) {
	t.Parallel()
	cluster, brokers := testenv.FakeKafka(t)
	s := onFiles(t, brokers)
	s.putStock("ABC-001", 1_000_000)
	l := s.load(4)
	l.goesOn(s, 200)
	cluster.Close()
	l.goesOn(s, 50) // orders are taken meanwhile
	var stopping sync.WaitGroup
	for name, p := range s.processes {
		stopping.Go(func() {
			if code := p.stop(syscall.SIGTERM); code != 0 {
				t.Errorf("%s: exit code %d after SIGTERM, want 0", name, code)
			}
		})
	}
	stopping.Wait()
}

func TestAnEphemeralInstanceLeavesNothing(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	args := append(loopback(t, ""), "--ephemeral")
	p := start(t, home, "openorder", args[1:]...)
	testenv.Eventually(t, "it is up", func() bool { return strings.Contains(p.output.String(), "none is kept") })
	if data := files(t, home); len(data) == 0 {
		t.Error("its files are not looked for where they are")
	}
	if code := p.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if left := files(t, home); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// files are all files in a folder and those within, and folders for data.
func files(t *testing.T, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && (!entry.IsDir() || strings.HasPrefix(entry.Name(), "openorder-")) {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
