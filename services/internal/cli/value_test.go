package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/internal/cli"
)

// serving has a setting of each kind.
type serving struct {
	delay  time.Duration
	number int
	small  int16
	pprof  bool
	share  float64
	name   string
	many   []string
	labels map[string]string
}

func (s *serving) AddFlags(f *pflag.FlagSet) {
	f.DurationVar(&s.delay, "delay", 3*time.Second, "A duration ($TEST_DELAY).")
	f.IntVar(&s.number, "number", 7, "A number ($TEST_NUMBER).")
	f.Int16Var(&s.small, "small", 1, "A small number.")
	f.BoolVar(&s.pprof, "pprof", false, "A switch ($TEST_PPROF).")
	f.Float64Var(&s.share, "share", 0.5, "A share.")
	f.StringVar(&s.name, "name", "good", "A `NAME` ($TEST_NAME, $TEST_OTHER_NAME).")
	f.StringSliceVar(&s.many, "many", []string{"a"}, "Several ($TEST_MANY).")
	f.StringToStringVar(&s.labels, "label", nil, "A label.")
}

func (s *serving) Validate() error {
	var errs []error
	if s.name == "bad" {
		errs = append(errs, errors.New("--name: is not good"))
	}
	if s.delay != 3*time.Second || s.number != 7 || s.small != 1 || s.share != 0.5 {
		errs = append(errs, errors.New("what does not parse has its default until it is refused"))
	}
	return errors.Join(errs...)
}

type other struct{ number string }

func (o *other) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.number, "number", "", "No number ($TEST_NUMBER).")
}

func (o *other) Validate() error { return nil }

// execute runs a command line that serves unless it is told otherwise.
func execute(args ...string) (serving, other, error) {
	var s serving
	var o other
	nothing := func(context.Context) error { return nil }
	root := cli.Command("test", "", &s, nothing)
	root.AddCommand(cli.Command("other", "", &o, nothing), cli.Group("group", "", cli.Command("one", "", &other{}, nothing), &cobra.Command{Use: "two"}))
	root.SetArgs(args)
	var said bytes.Buffer
	root.SetOut(&said)
	err := root.Execute()
	if said.Len() > 0 {
		err = fmt.Errorf("%w, and it printed %s", err, &said)
	}
	return s, o, err
}

func TestEveryWrongValueIsToldAtOnceWithItsFlagAndReason(t *testing.T) {
	t.Setenv("TEST_NUMBER", "seven")
	t.Setenv("TEST_PPROF", "perhaps")
	_, _, err := execute("--delay=soon", "--share", "half", "--small=70000", "--name=bad", "--label=red")
	want := strings.Join([]string{
		`--delay (TEST_DELAY): "soon" is not a duration such as 90s or 1h30m`,
		`--number (TEST_NUMBER): "seven" is not a number`,
		`--small: "70000" is too large or too small`,
		`--pprof (TEST_PPROF): "perhaps" is neither true nor false`,
		`--share: "half" is not a number`,
		`--label: "red" is not KEY=VALUE`,
		`--name: is not good`,
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("said:\n%v\nwant:\n%s", err, want)
	}
}

func TestAFlagCountsBeforeAVariableAndAVariableBeforeTheDefault(t *testing.T) {
	t.Setenv("TEST_OTHER_NAME", "second")
	t.Setenv("TEST_MANY", "b,c")
	if s, _, err := execute(); err != nil || s.name != "second" || !slices.Equal(s.many, []string{"b", "c"}) {
		t.Errorf("%+v, %v", s, err)
	}
	t.Setenv("TEST_NAME", "first")
	if s, _, err := execute(); err != nil || s.name != "first" {
		t.Errorf("%+v, %v", s, err)
	}
	if s, _, err := execute("--name=flag", "--many=d", "--many=e"); err != nil || s.name != "flag" || !slices.Equal(s.many, []string{"d", "e"}) {
		t.Errorf("%+v, %v", s, err)
	}
	t.Setenv("TEST_NAME", "")
	if s, _, err := execute(); err != nil || s.name != "" {
		t.Errorf("an empty variable is one that is set: %+v, %v", s, err)
	}
}

func TestAListIsSeparatedByCommasOrWhiteSpaceAndQuotesMeanNothing(t *testing.T) {
	for text, want := range map[string][]string{
		"": {}, "b": {"b"}, "b,c": {"b", "c"}, "b, c,": {"b", "c"}, "b\nc\n": {"b", "c"}, `b="c"`: {`b="c"`}, `"b`: {`"b`}, "b;c=d": {"b;c=d"},
	} {
		if s, _, err := execute("--many=" + text); err != nil || !slices.Equal(s.many, want) {
			t.Errorf("--many=%q is %q, want %q: %v", text, s.many, want, err)
		}
		t.Setenv("TEST_MANY", text)
		if s, _, err := execute(); err != nil || !slices.Equal(s.many, want) {
			t.Errorf("TEST_MANY=%q is %q, want %q: %v", text, s.many, want, err)
		}
	}
	if s, _, err := execute("--many=b,c", "--many", "d"); err != nil || !slices.Equal(s.many, []string{"b", "c", "d"}) {
		t.Errorf("repeated: %q, %v", s.many, err)
	}
}

func TestASwitchIsAlsoYesOrNo(t *testing.T) {
	for text, want := range map[string]bool{"yes": true, "Yes": true, "no": false, "true": true, "0": false} {
		if s, _, err := execute("--pprof=" + text); err != nil || s.pprof != want {
			t.Errorf("--pprof=%s is %v: %v", text, s.pprof, err)
		}
		t.Setenv("TEST_PPROF", text)
		if s, _, err := execute(); err != nil || s.pprof != want {
			t.Errorf("TEST_PPROF=%s is %v: %v", text, s.pprof, err)
		}
	}
}

func TestAWrongVariableDoesNotMatterWhereTheFlagIsGiven(t *testing.T) {
	t.Setenv("TEST_NUMBER", "seven")
	if _, _, err := execute("--number=7"); err != nil {
		t.Error(err)
	}
}

func TestAVariableIsJudgedOnlyByTheCommandThatRuns(t *testing.T) {
	t.Setenv("TEST_NUMBER", "seven")
	if _, o, err := execute("other"); err != nil || o.number != "seven" {
		t.Errorf("%q, %v", o.number, err)
	}
}

func TestWhatIsNotKnownIsRefused(t *testing.T) {
	t.Parallel()
	for unknown, args := range map[string][]string{
		"unknown flag: --nowhere": {"--nowhere"}, `unknown command "nothing" for "test"`: {"nothing"}, `unknown command "three" for "test group"`: {"group", "three"}, "one of its commands: one, two": {"group"},
		`other takes no argument "more"`: {"other", "more"}, "did you mean --pprof=false?": {"--no-pprof"}, "unknown flag: --no-where": {"--no-where"}, "unknown flag: --no-name": {"--no-name"},
		"did you mean other?": {"othr"},
	} {
		if _, _, err := execute(args...); err == nil || !strings.HasSuffix(err.Error(), unknown) {
			t.Errorf("%q: said %v, want %s", args, err, unknown)
		}
	}
}
