package cli_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/internal/cli"
)

type explained struct {
	delay, told time.Duration
	json, on    bool
	must, name  string
	many        []string
	count       int
	labels      map[string]string
}

func (s *explained) AddFlags(f *pflag.FlagSet) {
	f.DurationVar(&s.delay, "delay", 3*time.Second, "How long to wait ($DELAY).")
	f.DurationVar(&s.told, "told", 0, "How long (default for ever) to tell.")
	f.BoolVar(&s.json, "json", false, "Print JSON.")
	f.BoolVar(&s.on, "on", true, "Be on.")
	f.StringVar(&s.must, "must", "", "What is needed (required).")
	f.StringVar(&s.name, "name", "", "A `NAME`.")
	f.StringSliceVar(&s.many, "many", []string{"a", "b"}, "Some.")
	f.IntVar(&s.count, "count", 0, "At most.")
	f.StringToStringVar(&s.labels, "label", nil, "Labels.")
}

func (s *explained) Validate() error { return nil }

// helpOf is a command's help, on one line.
func helpOf(t *testing.T, command *cobra.Command) string {
	t.Helper()
	var out bytes.Buffer
	command.SetOut(&out)
	command.SetArgs([]string{"--help"})
	if err := command.Execute(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

func TestHelpSaysOfEachFlagWhatHoldsWithoutIt(t *testing.T) {
	t.Parallel()
	help := helpOf(t, cli.Command("test", "Is a test.", new(explained), nil))
	for _, want := range []string{
		"--delay DURATION How long to wait ($DELAY) (default 3s).", "How long (default for ever) to tell. --json Print JSON (default off).", "Be on (default on, off by --on=false).",
		"What is needed (required). --name NAME A NAME (default none).", "Some (default a,b).", "--count N At most (default none).", "Labels (default none).", "-h, --help Show this help.",
	} {
		if !strings.Contains(help, want) {
			t.Errorf("no %q in: %s", want, help)
		}
	}
}

func TestHelpSaysHowACommandIsWritten(t *testing.T) {
	t.Parallel()
	both := cli.Command("both", "Is both.", new(explained), nil)
	both.AddCommand(cli.Command("one [FILE ...]", "Is one.", new(explained), nil))
	for want, command := range map[string]*cobra.Command{
		"Usage: both [flags] both COMMAND Commands (each has its own --help): ": both,
		"Usage: group COMMAND Commands (each has its own --help): ": cli.Group("group", "Is a group.",
			cli.Command("one", "Is one.", new(explained), nil)),
		"Usage: one [FILE ...] [flags] Flags:": cli.Command("one [FILE ...]", "Is one.", new(explained), nil),
	} {
		if help := helpOf(t, command); !strings.Contains(help, want) {
			t.Errorf("no %q in: %s", want, help)
		}
	}
}
