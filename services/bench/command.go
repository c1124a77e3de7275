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

	"github.com/alecthomas/kong"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/kafka"
)

// Command is `openorder bench`.
type Command struct {
	Kafka    Brokers   `embed:""`
	Database Databases `embed:""`

	Rows        []string      `name:"rows" sep:"," default:"${bench_rows}" enum:"${bench_rows}" placeholder:"ROW" help:"What to measure, comma separated, each with the floor it is compared with: ${bench_rows} (default all)."`
	Rounds      int           `name:"rounds" default:"1" placeholder:"N" help:"Measure everything this often, in turn, and show medians (default ${default})."`
	Records     int           `name:"records" default:"300000" placeholder:"N" help:"Orders in the filled topic (default ${default})."`
	SKUs        int           `name:"skus" default:"1000" placeholder:"N" help:"SKUs that they are spread over (default ${default})."`
	Partitions  int32         `name:"partitions" default:"12" placeholder:"N" help:"Partitions of each topic (default ${default})."`
	Replication int16         `name:"replication-factor" default:"-1" placeholder:"N" help:"Replicas of each partition; -1 is the cluster's default (default ${default})."`
	Connections int           `name:"connections" default:"128" placeholder:"N" help:"Connections that POST (default ${default})."`
	Rate        int           `name:"rate" default:"500" placeholder:"N" help:"Orders a second in the latency row (default ${default})."`
	Duration    time.Duration `name:"duration" default:"10s" placeholder:"DURATION" help:"How long each row with HTTP is measured, after 5 s that do not count (default ${default})."`
	Quick       bool          `name:"quick" help:"30,000 records and 2 s a row: to see that it works, not how fast."`
	JSON        bool          `name:"json" help:"Print JSON in place of the table."`
	Profile     string        `name:"profile" placeholder:"DIR" help:"Write a CPU profile of each service in each row there."`
	Force       bool          `name:"force" help:"Delete OpenOrder's topics and consumer groups, with all they hold, where the cluster has them already."`

	ServiceBinaryDir string `name:"service-binary-dir" hidden:"" placeholder:"DIR" help:"Measure the binaries order, inventory and notification in it, in place of this one."`
	Floor            string `name:"floor" hidden:"" enum:",handler,loop" default:"" help:"Be a floor: what bench starts to compare the services with."`

	Out io.Writer `kong:"-"` // nil: standard output
}

// Brokers and Databases have the services' flags without the services' rule that they must be given.
type (
	Brokers   kafka.Config
	Databases database.Config
)

// Vars are what the command's tags refer to.
var Vars = kong.Vars{"bench_rows": strings.Join(rowNames, ",")}

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

// BeforeReset makes the embedded broker the default: unlike a service, bench must not take the one that happens to
// listen on this machine.
func (c *Command) BeforeReset(ctx *kong.Context) error {
	for _, flag := range ctx.Flags() {
		if flag.Name == "kafka-brokers" {
			flag.Default, flag.HasDefault = "", false
			flag.Help = "Brokers to measure on, comma separated; without, an embedded one."
		}
		if flag.Name == "database-url" {
			flag.Help = "Where to make databases to measure on (and drop them again): postgres://USER:PASSWORD@HOST:PORT/NAME or sqlite:PATH; without, SQLite in a temporary directory."
		}
	}
	return nil
}

// Validate reports everything that is wrong, each with its flag.
func (c *Command) Validate() error {
	var errs []error
	if c.Kafka.Brokers != "" {
		errs = append(errs, kafka.Config(c.Kafka).Validate())
	}
	if c.Database != (Databases{}) {
		errs = append(errs, database.Config(c.Database).Validate())
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
	return runLoop(ctx, kafka.Config(c.Kafka), log)
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
