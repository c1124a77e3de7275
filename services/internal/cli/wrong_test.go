package cli_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/openorder/openorder/services/internal/cli"
)

type grammar struct {
	Serve serving `cmd:"" default:"withargs"`
	Other other   `cmd:""`
}

type serving struct {
	Delay  time.Duration `env:"TEST_DELAY" default:"3s"`
	Number int           `env:"TEST_NUMBER" default:"7"`
	Pprof  bool          `env:"TEST_PPROF"`
	Share  float64       `default:"0.5"`
	Name   string        `default:"good"`
}

func (s *serving) Validate() error {
	var errs []error
	if s.Name != "good" {
		errs = append(errs, errors.New("--name: is not good"))
	}
	if s.Delay != 3*time.Second || s.Number != 7 || s.Share != 0.5 {
		errs = append(errs, errors.New("what does not parse has its default until it is refused"))
	}
	return errors.Join(errs...)
}

type other struct {
	Number string `env:"TEST_NUMBER"`
}

func TestEveryWrongValueIsToldAtOnceWithItsFlagAndReason(t *testing.T) {
	t.Setenv("TEST_NUMBER", "seven")
	t.Setenv("TEST_PPROF", "perhaps")
	_, err := cli.NewParser(&grammar{}, kong.Name("test")).Parse([]string{"--delay=soon", "--share", "half", "--name=bad"})
	if err == nil {
		t.Fatal("not refused")
	}
	said := strings.Split(err.Error(), "\n")
	for _, want := range []struct{ flag, reason string }{
		{"--delay (TEST_DELAY): ", `"soon"`},
		{"--number (TEST_NUMBER): ", `"seven"`},
		{"--pprof (TEST_PPROF): ", `"perhaps"`},
		{"--share: ", `"half"`},
		{"", "--name: is not good"},
	} {
		lines := 0
		for _, line := range said {
			if strings.Contains(line, want.flag) && strings.Contains(line, want.reason) {
				lines++
			}
		}
		if lines != 1 {
			t.Errorf("%d lines say %s%s:\n%s", lines, want.flag, want.reason, err)
		}
	}
	if len(said) != 5 {
		t.Errorf("want 5 lines:\n%s", err)
	}
}

func TestAVariableIsJudgedOnlyByTheCommandThatRuns(t *testing.T) {
	t.Setenv("TEST_NUMBER", "seven")
	var g grammar
	if _, err := cli.NewParser(&g, kong.Name("test")).Parse([]string{"other"}); err != nil || g.Other.Number != "seven" {
		t.Errorf("%q, %v", g.Other.Number, err)
	}
}

func TestAFlagThatIsNotKnownIsRefused(t *testing.T) {
	_, err := cli.NewParser(&grammar{}, kong.Name("test")).Parse([]string{"--nowhere"})
	if err == nil || !strings.Contains(err.Error(), "--nowhere") {
		t.Errorf("said %v", err)
	}
}
