package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/openorder/openorder/services/internal/kafka"
)

// Command is `openorder audit`, a kong command. For its Run, bind a context.Context, an io.Writer for the report and a
// *slog.Logger.
type Command struct {
	Kafka        kafka.Config  `embed:""`
	Order        string        `name:"order-database-url" env:"ORDER_DATABASE_URL,DATABASE_URL" placeholder:"URL" help:"The order service's database; read rights are enough."`
	Inventory    string        `name:"inventory-database-url" env:"INVENTORY_DATABASE_URL,DATABASE_URL" placeholder:"URL" help:"The inventory service's database."`
	Notification string        `name:"notification-database-url" env:"NOTIFICATION_DATABASE_URL,DATABASE_URL" placeholder:"URL" help:"The notification service's database."`
	Patience     time.Duration `name:"patience" default:"30s" placeholder:"DURATION" help:"How long orders that do not match are looked at again before they count as broken (default ${default})."`
	JSON         bool          `name:"json" help:"Print the report as JSON."`
}

// ErrBroken is what Run returns, after it has printed the report, when an invariant is broken.
var ErrBroken = errors.New("the system is not consistent")

// Default fills in database URLs that neither flag nor environment gave: those of a system that was found running, by the
// names of the services.
func (c *Command) Default(databases map[string]string) {
	for service, url := range map[string]*string{"order": &c.Order, "inventory": &c.Inventory, "notification": &c.Notification} {
		if *url == "" {
			*url = databases[service]
		}
	}
}

// check reports everything that is wrong, each with its flag.
func (c *Command) check() error {
	errs := []error{c.Kafka.Validate()}
	for _, s := range []struct{ service, url string }{{"order", c.Order}, {"inventory", c.Inventory}, {"notification", c.Notification}} {
		switch {
		case s.url == "":
			errs = append(errs, fmt.Errorf("--%s-database-url: is needed, or DATABASE_URL", s.service))
		case !strings.HasPrefix(s.url, "sqlite:") && !strings.HasPrefix(s.url, "postgres://") && !strings.HasPrefix(s.url, "postgresql://"):
			errs = append(errs, fmt.Errorf("--%s-database-url: is neither postgres://USER:PASSWORD@HOST:PORT/NAME nor sqlite:PATH", s.service))
		}
	}
	if c.Patience < 0 {
		errs = append(errs, fmt.Errorf("--patience: %s is negative", c.Patience))
	}
	return errors.Join(errs...)
}

// Run audits and prints. The error is ErrBroken, wrapped, when an invariant is broken; any other means that the audit
// could not be done.
func (c *Command) Run(ctx context.Context, out io.Writer, log *slog.Logger) error {
	if err := c.check(); err != nil {
		return err
	}
	report, err := Run(ctx, Config{
		Kafka: c.Kafka, Order: c.Order, Inventory: c.Inventory, Notification: c.Notification, Patience: c.Patience, Log: log,
	})
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if c.JSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = report.print(out)
	}
	if err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	if report.Broken > 0 {
		return fmt.Errorf("%d of %d invariants are broken: %w", report.Broken, len(report.Invariants), ErrBroken)
	}
	return nil
}

func (r Report) print(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "checked\tin flight\tbroken\t\t")
	for _, c := range r.Invariants {
		verdict := "ok     "
		if c.Broken > 0 {
			verdict = "BROKEN "
		}
		fmt.Fprintf(table, "%d\t%d\t%d\t%s\t%s\n", c.Checked, c.InFlight, c.Broken, verdict, c.Statement)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, c := range r.Invariants {
		for _, example := range c.Examples {
			fmt.Fprintf(out, "\n%s: %s", c.Invariant, example)
		}
	}
	t := r.Totals
	_, err := fmt.Fprintf(out, `
%d orders (%d wait to be decided, %d wait for a redrive), %d outcomes (%d of other systems' orders, %d older than their topic),
%d outcome events, %d dead letters of orders, %d unreadable records, %d skus,
%d notifications (%d still to be delivered, %d given up or gone)
`, t.Orders, t.Waiting, t.Failed, t.Outcomes, t.Foreign, t.Expired, t.Events, t.DeadLetters, t.Unreadable, t.SKUs,
		t.Notifications, t.Delivering, t.Undelivered)
	return err
}
