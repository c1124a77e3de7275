package cli_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/openorder/openorder/services/internal/cli"
)

func TestHelpSaysOfEachFlagWhatHoldsWithoutIt(t *testing.T) {
	t.Parallel()
	var flags struct {
		Delay time.Duration `env:"DELAY" default:"3s" placeholder:"DURATION" help:"How long to wait."`
		Told  time.Duration `default:"5s" help:"How long (default ${default}) to tell."`
		JSON  bool          `name:"json" help:"Print JSON."`
		Must  string        `required:"" help:"What is needed."`
		Name  string        `placeholder:"NAME" help:"A name."`
	}
	var out bytes.Buffer
	parser := cli.NewParser(&flags, kong.Name("test"), kong.Writers(&out, &out), kong.Exit(func(int) {}))
	_, _ = parser.Parse([]string{"--help"})
	help := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"How long to wait (default 3s) ($DELAY).", "How long (default 5s) to tell.", "Print JSON (default off).", "What is needed (required).",
		"A name (default none).",
	} {
		if !strings.Contains(help, want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}
