package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openorder/openorder/services/internal/cli"
	"github.com/openorder/openorder/services/internal/testenv"
)

// loopback is flags of an all-in-one on free ports.
func loopback(t *testing.T, dir string) []string {
	t.Helper()
	args := []string{"--data-dir=" + dir}
	for _, flag := range []string{"kafka-listen", "order-listen", "order-admin-listen", "inventory-listen", "inventory-admin-listen", "notification-listen", "notification-admin-listen"} {
		args = append(args, "--"+flag+"="+freeAddress(t))
	}
	return args
}

func TestTheAllInOneRefusesWithOneClearLine(t *testing.T) {
	t.Parallel()
	refusals := map[string]struct {
		prepare func(t *testing.T, home string) []string
		says    string
	}{
		"an address in use": {func(t *testing.T, home string) []string {
			s := allInOne(t)
			return append(loopback(t, filepath.Join(home, "data")), "--order-listen="+strings.TrimPrefix(s.order, "http://"))
		}, "--order-listen"},
		"the broker's address in use": {func(t *testing.T, home string) []string {
			s := allInOne(t)
			return append(loopback(t, filepath.Join(home, "data")), "--kafka-listen="+strings.TrimPrefix(s.order, "http://"))
		}, "--kafka-listen"},
		"a foreign data directory": {func(t *testing.T, home string) []string {
			dir := filepath.Join(home, "photos")
			if err := os.MkdirAll(filepath.Join(dir, "holiday"), 0o700); err != nil {
				t.Fatal(err)
			}
			return loopback(t, dir)
		}, "not a data directory of openorder"},
		"a data directory that cannot be made": {func(t *testing.T, home string) []string {
			file := filepath.Join(home, "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return loopback(t, filepath.Join(file, "data"))
		}, "cannot write the data directory"},
		"a data directory whose broker's part cannot be written": {func(t *testing.T, home string) []string {
			dir := filepath.Join(home, "data")
			if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "openorder.json"), []byte(`{"format":1}`), 0o600),
				os.WriteFile(filepath.Join(dir, "broker"), nil, 0o600)); err != nil {
				t.Fatal(err)
			}
			return loopback(t, dir)
		}, "--data-dir: "},
		"a second instance on the same data": {func(t *testing.T, _ string) []string {
			return loopback(t, filepath.Join(allInOne(t).home, "data"))
		}, "another openorder is using the data directory"},
	}
	for name, r := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			p := start(t, home, "openorder", r.prepare(t, home)...)
			if code := p.exits(time.Minute); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			var complaints []string
			for line := range strings.Lines(p.output.String()) {
				if strings.HasPrefix(line, "openorder: ") {
					complaints = append(complaints, line)
				}
			}
			if len(complaints) != 1 || !strings.Contains(complaints[0], r.says) {
				t.Errorf("it said %q, want one line with %q", complaints, r.says)
			}
		})
	}
}

// What does not parse, in a flag or the environment, is told together with what parses and makes no sense.
func TestWrongValuesAreRefusedAllAtOnce(t *testing.T) {
	t.Parallel()
	of := func(service string, flags ...string) []string {
		return append([]string{service, "--kafka-brokers=nowhere", "--kafka-sasl-mechanism=GSSAPI", "--database-url=mysql://x", "--listen=8080", "--log-level=loud", "--drain-delay=soon"}, flags...)
	}
	for name, test := range map[string]struct {
		command []string
		wrong   []string
	}{
		"order": {
			of("order"),
			[]string{"--kafka-brokers", "--kafka-sasl-mechanism", "--database-url", "--listen", "--log-level", "--drain-delay", "--pprof (PPROF)"},
		},
		"inventory": {
			of("inventory"),
			[]string{"--kafka-brokers", "--kafka-sasl-mechanism", "--database-url", "--listen", "--log-level", "--drain-delay", "--pprof (PPROF)"},
		},
		"notification": {
			of("notification", "--webhook-url=ftp://x", "--log-notifications=perhaps"),
			[]string{
				"--kafka-brokers", "--kafka-sasl-mechanism", "--database-url", "--listen", "--log-level", "--drain-delay", "--pprof (PPROF)",
				"--webhook-url", "--log-notifications",
			},
		},
		"the all-in-one": {
			[]string{"openorder", "--order-listen=8080", "--inventory-admin-listen=nowhere", "--kafka-listen=nowhere", "--drain-delay=-1s", "--log-level=loud", "--ephemeral=perhaps"},
			[]string{"--order-listen", "--inventory-admin-listen", "--kafka-listen", "--drain-delay", "--log-level", "--ephemeral", "--pprof (PPROF)"},
		},
		"audit": {
			[]string{"openorder", "audit", "--kafka-brokers=nowhere", "--order-database-url=mysql://x", "--patience=long"},
			[]string{"--kafka-brokers", "--order-database-url", "--inventory-database-url", "--notification-database-url", "--patience"},
		},
		"dlt redrive": {
			[]string{"openorder", "dlt", "redrive", "--kafka-brokers=nowhere", "--rate=fast", "--max=many"},
			[]string{"--kafka-brokers", "--rate", "--max"},
		},
		"topics create": {
			[]string{"openorder", "topics", "create", "--kafka-brokers=nowhere", "--partitions=some", "--replicas=all"},
			[]string{"--kafka-brokers", "--partitions", "--replicas"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startIn(t, t.TempDir(), []string{"PPROF=perhaps"}, test.command[0], test.command[1:]...)
			if code := p.exits(time.Minute); code != cli.ExitUsage {
				t.Errorf("exit code %d, want %d", code, cli.ExitUsage)
			}
			for _, flag := range test.wrong {
				if said := strings.Count(p.output.String(), flag+": ") + strings.Count(p.output.String(), flag+" ("); said != 1 {
					t.Errorf("%s is told of %d times:\n%s", flag, said, p.output)
				}
			}
		})
	}
}

func TestTheAllInOneSaysOnceWhatItDoesNotDo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env, flags []string
		says       string
	}{
		"send traces":        {env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"}, says: "no traces are sent"},
		"tell the customers": {flags: []string{"--log-notifications=false"}, says: "nobody is told"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			p := startIn(t, home, test.env, "openorder", append(loopback(t, filepath.Join(home, "data")), test.flags...)...)
			for _, line := range []string{"OpenOrder is up", test.says} {
				testenv.Eventually(t, "it says: "+line, func() bool { return strings.Count(p.output.String(), line) == 1 })
			}
		})
	}
}
