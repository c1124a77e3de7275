package command

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/deadletter/redrive"
	"github.com/openorder/openorder/services/internal/terminal"
)

// handful is how many letters are redriven without asking.
const handful = 10

// Redrive is `openorder dlt redrive`.
type Redrive struct {
	Source
	Selection
	To          string
	ByKey       bool
	DryRun      bool
	Rate        float64
	Max         int64
	Yes         bool
	Again       bool
	Truncated   bool
	AtLeastOnce bool
	By          string
	RunName     string
}

// AddFlags registers the flags.
func (c *Redrive) AddFlags(f *pflag.FlagSet) {
	c.Selection.AddFlags(f)
	f.StringVar(&c.To, "to", "", "`TOPIC` to send to (default the one that each letter came from).")
	f.BoolVar(&c.ByKey, "by-key", false, "Choose the partition by the key (murmur2, as Kafka's own clients do), even where the record's old partition is known. For topics that got more partitions since.")
	f.BoolVar(&c.DryRun, "dry-run", false, "Say what would be done, and do nothing.")
	f.Float64Var(&c.Rate, "rate", 0, "Letters a second at most.")
	f.Int64Var(&c.Max, "max", 0, "Letters at most; the others wait for another run.")
	f.BoolVarP(&c.Yes, "yes", "y", false, "Do not ask.")
	f.BoolVar(&c.Again, "again", false, "Redrive also what was redriven already.")
	f.BoolVar(&c.Truncated, "truncated", false, "Redrive also letters that were cut to fit into the dead letter topic, as they are.")
	f.BoolVar(&c.AtLeastOnce, "at-least-once", false, "Do without transactions, for users that have no right to them: a letter that is on its way when the run is interrupted may be redriven twice, and a second redrive at the same time goes unnoticed.")
	f.StringVar(&c.By, "by", "", "`NAME` of who does it, for the trail (default user@host).")
	f.StringVar(&c.RunName, "run", "", "`NAME` of the run, for the trail (default random). Give an interrupted run with --again its name to go on with it.")
	c.Source.AddFlags(f)
}

// Validate reports everything that is wrong, each with its flag.
func (c *Redrive) Validate() error {
	_, err := c.filter(now())
	errs := []error{c.Kafka.Validate(), err}
	if c.Rate < 0 {
		errs = append(errs, errors.New("--rate: must not be negative"))
	}
	if c.Max < 0 {
		errs = append(errs, errors.New("--max: must not be negative"))
	}
	return errors.Join(errs...)
}

// Run redrives.
func (c *Redrive) Run(ctx context.Context, out terminal.IO) error {
	return exit(c.run(ctx, out))
}

func (c *Redrive) run(ctx context.Context, out terminal.IO) error {
	plan, err := c.plan()
	if err != nil {
		return err
	}
	run, err := redrive.Open(ctx, plan, logTo(out))
	if err != nil {
		return c.Kafka.Explain(err)
	}
	defer run.Close()
	if c.DryRun || !c.Yes {
		preview, err := run.Preview(ctx)
		if err != nil {
			return err
		}
		if c.DryRun {
			return c.print(out, "would redrive", preview, plan)
		}
		if err := c.confirm(ctx, out, preview); err != nil {
			return err
		}
	}
	report, err := run.Run(ctx, progress(out))
	if trail := run.Trail(); trail.Foreign > 0 {
		warn(out, "warning: %d records of %s are no entries of a redrive; passed", trail.Foreign, trail.Topic)
	}
	if reason := run.Trail().Forgets(ctx); reason != "" {
		warn(out, "warning: %s may forget what was redriven, which would be redriven again: its %s; set cleanup.policy=delete and retention.ms=-1", run.Trail().Topic, reason)
	}
	if err != nil {
		return c.interrupted(err, report, plan)
	}
	return c.print(out, "redriven", report, plan)
}

func (c *Redrive) plan() (redrive.Plan, error) {
	filter, err := c.filter(now())
	return redrive.Plan{
		Kafka: c.Kafka, Topic: c.Topic, Filter: filter, Families: c.families(),
		To: c.To, ByKey: c.ByKey, Max: c.Max, Rate: c.Rate, Truncated: c.Truncated, Again: c.Again, AtLeastOnce: c.AtLeastOnce,
		By: cmp.Or(c.By, whoami(c.Kafka.SASLUsername)), Run: cmp.Or(c.RunName, uuid.NewString()),
	}, err
}

// whoami is the person at this machine, and who the cluster takes them for.
func whoami(kafkaUser string) string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	if kafkaUser != "" {
		return fmt.Sprintf("%s@%s as %s", name, host, kafkaUser)
	}
	return name + "@" + host
}

// confirm asks before more than a handful.
func (c *Redrive) confirm(ctx context.Context, out terminal.IO, preview *redrive.Report) error {
	if preview.Redriven <= handful {
		return nil
	}
	declined := func(why string) error {
		return &ExitError{ExitDeclined, fmt.Errorf("%s are not redriven: %s", count(preview.Redriven, "letter"), why)}
	}
	if !out.Person {
		return declined("nobody is there to confirm; --yes does without, --dry-run says what would be done")
	}
	question := fmt.Sprintf("Redrive %s of %s to %s?", count(preview.Redriven, "letter"), printable(c.Topic), targets(preview))
	if err := out.Confirm(ctx, question); err != nil {
		return declined(err.Error())
	}
	return nil
}

// progress tells a terminal how far it is, once a second.
func progress(out terminal.IO) func(*redrive.Report) {
	told := now()
	return func(r *redrive.Report) {
		if out.Person && now().Sub(told) >= time.Second {
			told = now()
			fmt.Fprintf(out.Err, "%s redriven\n", count(r.Redriven, "letter"))
		}
	}
}

// interrupted says how far it came and how to go on.
func (c *Redrive) interrupted(err error, report *redrive.Report, plan redrive.Plan) error {
	again := "run it again to finish"
	if c.Again {
		again = "run it again with --run=" + plan.Run + " to finish"
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	code := ExitFailed
	if errors.Is(err, redrive.ErrTakenOver) {
		code, again = ExitTakenOver, "what is left is the other's, or run it again"
	}
	return &ExitError{code, fmt.Errorf("%w; %s redriven, %s", err, count(report.Redriven, "letter"), again)}
}

type reportJSON struct {
	*redrive.Report
	DeadLetterTopic string `json:"deadLetterTopic"`
	Trail           string `json:"trail"`
	Run             string `json:"run"`
	DryRun          bool   `json:"dryRun"`
}

func (c *Redrive) print(out terminal.IO, done string, report *redrive.Report, plan redrive.Plan) error {
	err := write(out.Out, func(w *bufio.Writer) error {
		if c.JSON {
			line, err := encodeJSON(reportJSON{report, c.Topic, redrive.TrailTopic(c.Topic), plan.Run, c.DryRun})
			if err != nil {
				return err
			}
			_, err = w.Write(line)
			return err
		}
		fmt.Fprintf(w, "%s %s", done, count(report.Redriven, "letter"))
		if report.Redriven > 0 {
			fmt.Fprintf(w, " of %s to %s", printable(c.Topic), targets(report))
		}
		fmt.Fprintln(w)
		if report.More {
			fmt.Fprintf(w, "more are left: --max=%d\n", c.Max)
		}
		for _, reason := range slices.Sorted(maps.Keys(report.Left)) {
			c.printLeft(w, reason, report.Left[reason])
		}
		return nil
	})
	if err == nil && report.Incomplete() {
		return &ExitError{ExitIncomplete, errors.New("some letters were left out, see above")}
	}
	return err
}

func (c *Redrive) printLeft(w *bufio.Writer, reason redrive.Reason, left *redrive.Left) {
	fmt.Fprintf(w, "left out %s, %s: %s\n", count(left.Letters, "letter"), reason, reason.Advice())
	if reason == redrive.AlreadyRedriven {
		return
	}
	for _, sample := range left.Samples {
		fmt.Fprintf(w, "  %s\n", printable(sample))
	}
	if more := left.Letters - int64(len(left.Samples)); more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
}

// targets names where letters go, the most first.
func targets(report *redrive.Report) string {
	topics := slices.Collect(maps.Keys(report.Targets))
	slices.SortFunc(topics, func(a, b string) int {
		return cmp.Or(cmp.Compare(report.Targets[b], report.Targets[a]), cmp.Compare(a, b))
	})
	if len(topics) == 1 {
		return printable(topics[0])
	}
	var parts []string
	for i, topic := range topics {
		if i == handful {
			parts = append(parts, fmt.Sprintf("%d more topics", len(topics)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s (%d)", printable(topic), report.Targets[topic]))
	}
	return strings.Join(parts, ", ")
}
