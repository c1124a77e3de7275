// Package bench measures the services, each alone and as a process of its own, against floors of the same run: a bare
// consume-decode-produce-await-mark loop and a bare HTTP handler. Machines differ; the ratios tell more than the rates.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/kafka"
)

// Command is `openorder bench`.
type Command struct {
	Kafka    kafka.Config
	Database database.Config

	Rows        []string
	Rounds      int
	Records     int
	SKUs        int
	Partitions  int32
	Replication int16
	Connections int
	Rate        int
	Duration    time.Duration
	Quick       bool
	JSON        bool
	Profile     string
	Force       bool

	ServiceBinaryDir string
	Floor            string

	Out io.Writer // nil: standard output
}

// AddFlags registers the flags.
func (c *Command) AddFlags(f *pflag.FlagSet) {
	c.Kafka.AddFlags(f)
	c.Database.AddFlags(f)
	brokers, databases := f.Lookup("kafka-brokers"), f.Lookup("database-url")
	c.Kafka.Brokers, brokers.DefValue = "", "" // what listens on this machine is not the bench's
	brokers.Usage = "`HOST:PORT,...` of brokers to measure on (default an embedded one) ($KAFKA_BROKERS)."
	databases.Usage = "`URL` of a server to make databases on (and drop them again), postgres://USER:PASSWORD@HOST:PORT/NAME or sqlite:PATH (default SQLite in a temporary directory) ($DATABASE_URL)."
	f.StringSliceVar(&c.Rows, "rows", rowNames, "`ROW,...` to measure, each with the floor it is compared with.")
	f.IntVar(&c.Rounds, "rounds", 1, "Measure everything this often, in turn, and show medians.")
	f.IntVar(&c.Records, "records", 300_000, "Orders in the filled topic.")
	f.IntVar(&c.SKUs, "skus", 1000, "SKUs that they are spread over.")
	f.Int32Var(&c.Partitions, "partitions", 12, "Partitions of each topic.")
	f.Int16Var(&c.Replication, "replication-factor", -1, "Replicas of each partition; -1 is the cluster's default.")
	f.IntVar(&c.Connections, "connections", 128, "Connections that POST.")
	f.IntVar(&c.Rate, "rate", 500, "Orders a second in the latency row.")
	f.DurationVar(&c.Duration, "duration", 10*time.Second, "How long each row with HTTP is measured, after 5 s that do not count.")
	f.BoolVar(&c.Quick, "quick", false, "30,000 records and 2 s a row: to see that it works, not how fast.")
	f.BoolVar(&c.JSON, "json", false, "Print JSON in place of the table.")
	f.StringVar(&c.Profile, "profile", "", "`DIR` to write a CPU profile of each service in each row to.")
	f.BoolVar(&c.Force, "force", false, "Delete OpenOrder's topics and consumer groups, with all they hold, where the cluster has them already.")
	f.StringVar(&c.ServiceBinaryDir, "service-binary-dir", "", "`DIR` of binaries order, inventory and notification to measure, in place of this one.")
	f.StringVar(&c.Floor, "floor", "", "Be a floor, handler or loop: what bench starts to compare the services with.")
	for _, internal := range []string{"service-binary-dir", "floor"} {
		f.Lookup(internal).Hidden = true
	}
}

// Names of rows, as --rows takes them.
const (
	rowPost    = "post"
	rowReserve = "reserve"
	rowHot     = "hot"
	rowTwo     = "two"
	rowFail    = "fail"
	rowLatency = "latency"
	rowIdle    = "idle"
)

var rowNames = []string{rowPost, rowReserve, rowHot, rowTwo, rowFail, rowLatency, rowIdle}

// Validate reports everything that is wrong, each with its flag.
func (c *Command) Validate() error {
	var errs []error
	if c.Kafka.Brokers != "" {
		errs = append(errs, c.Kafka.Validate())
	}
	if c.Database != (database.Config{}) {
		errs = append(errs, c.Database.Validate())
	}
	for _, row := range c.Rows {
		if !slices.Contains(rowNames, row) {
			errs = append(errs, fmt.Errorf("--rows: %q is none of %s", row, strings.Join(rowNames, ", ")))
		}
	}
	if !slices.Contains([]string{"", "handler", "loop"}, c.Floor) {
		errs = append(errs, fmt.Errorf("--floor: %q is neither handler nor loop", c.Floor))
	}
	for _, count := range []struct {
		flag         string
		value, limit int
	}{
		{"rounds", c.Rounds, 100}, {"records", c.Records, 100_000_000}, {"skus", c.SKUs, 9999}, {"partitions", int(c.Partitions), 10_000},
		{"connections", c.Connections, 10_000}, {"rate", c.Rate, 100_000},
	} {
		if count.value < 1 || count.value > count.limit {
			errs = append(errs, fmt.Errorf("--%s: %d is not within 1 and %d", count.flag, count.value, count.limit))
		}
	}
	if c.Duration < time.Second || c.Duration > time.Hour {
		errs = append(errs, fmt.Errorf("--duration: %s is not within 1s and 1h", c.Duration))
	}
	if c.Replication == 0 || c.Replication < -1 {
		errs = append(errs, fmt.Errorf("--replication-factor: %d is neither -1 nor positive", c.Replication))
	}
	return errors.Join(errs...)
}

// Run measures, and prints what it found.
func (c *Command) Run(ctx context.Context, log *slog.Logger) error {
	if c.Floor != "" {
		return c.beFloor(ctx)
	}
	if c.Quick {
		c.Records, c.Duration = 30_000, 2*time.Second
	}
	out := c.Out
	if out == nil {
		out = os.Stdout
	}
	report, err := c.measure(ctx, log)
	if report != nil && len(report.Rows) > 0 {
		err = errors.Join(err, c.print(out, *report))
	}
	return err
}

// beFloor logs as the services do, for bench reads where they serve.
func (c *Command) beFloor(ctx context.Context) error {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	if c.Floor == "handler" {
		return serveHandler(ctx, log)
	}
	return runLoop(ctx, c.Kafka, log)
}

func (c *Command) print(out io.Writer, report Report) error {
	if c.JSON {
		return report.WriteJSON(out)
	}
	return report.WriteTable(out)
}

func (c *Command) wants(rows ...string) bool {
	return slices.ContainsFunc(rows, func(row string) bool { return slices.Contains(c.Rows, row) })
}
