package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/openorder/openorder/services/internal/testenv"
)

func TestTheBannersFiveCommandsWorkAsTheyStand(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("the banner's commands need curl")
	}
	s := allInOne(t)
	p := s.processes["openorder"]
	testenv.Eventually(t, "the banner is printed", func() bool { return strings.Contains(p.output.String(), "redrive --yes\n") })
	commands := bannerCommands(p.output.String())
	if len(commands) != 5 {
		t.Fatalf("%d commands in the banner: %q", len(commands), commands)
	}
	sh := func(command string) string {
		c := exec.CommandContext(t.Context(), "sh", "-c", command)
		c.Env = environment(s.home)
		out, err := c.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		return string(out)
	}
	if out := sh(commands[0]); !strings.Contains(out, "202 Accepted") {
		t.Errorf("1 place an order:\n%s", out)
	}
	if out := sh(commands[1]); !strings.Contains(out, "RESERVED") {
		t.Errorf("2 watch it:\n%s", out)
	}
	if out := sh(commands[2]); !strings.Contains(out, "202 Accepted") {
		t.Errorf("3 place a FAIL order:\n%s", out)
	}
	failed := s.newest()
	s.becomes(failed, "FAILED")
	if out := sh(commands[3]); !strings.Contains(out, "order.created") {
		t.Errorf("4 dlt list:\n%s", out)
	}
	sh(commands[4])
	s.becomes(failed, "RESERVED")
}

func bannerCommands(banner string) []string {
	var commands []string
	number := false
	for line := range strings.Lines(banner) {
		line = strings.TrimSpace(line)
		if number {
			commands = append(commands, line)
		}
		number = strings.HasPrefix(line, "# ")
	}
	return commands
}

func (s *system) newest() int64 {
	s.Helper()
	var page struct{ Orders []placed }
	call(s.T, "GET", s.order+"/api/orders?limit=1", "", nil, &page)
	if len(page.Orders) != 1 {
		s.Fatalf("newest order: %+v", page)
	}
	return page.Orders[0].OrderID
}

func TestTheAllInOnesBrokerMayListenOnAnyFreePort(t *testing.T) {
	t.Parallel()
	s := allInOneAt(t, "", "--kafka-listen=127.0.0.1:0")
	s.becomes(s.place("ABC-001", 1), "RESERVED")
	if out, err := tool(t, s.home, nil, "dlt", "list"); err != nil {
		t.Errorf("dlt list: %v\n%s", err, out)
	}
}
