package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"github.com/openorder/openorder/services/internal/kafka"
)

// Command is `openorder audit`, a kong command. For its Run, bind a context.Context, an io.Writer for the report and a
// *slog.Logger.
type Command struct {
	Kafka            kafka.Config  `embed:""`
	Order            string        `name:"order-database-url" env:"ORDER_DATABASE_URL,DATABASE_URL" placeholder:"URL" help:"The order service's database; read rights are enough."`
	OrderFile        string        `name:"order-database-url-file" env:"ORDER_DATABASE_URL_FILE,DATABASE_URL_FILE" placeholder:"FILE" help:"File that holds it, in place of --order-database-url."`
	Inventory        string        `name:"inventory-database-url" env:"INVENTORY_DATABASE_URL,DATABASE_URL" placeholder:"URL" help:"The inventory service's database."`
	InventoryFile    string        `name:"inventory-database-url-file" env:"INVENTORY_DATABASE_URL_FILE,DATABASE_URL_FILE" placeholder:"FILE" help:"File that holds it, in place of --inventory-database-url."`
	Notification     string        `name:"notification-database-url" env:"NOTIFICATION_DATABASE_URL,DATABASE_URL" placeholder:"URL" help:"The notification service's database."`
	NotificationFile string        `name:"notification-database-url-file" env:"NOTIFICATION_DATABASE_URL_FILE,DATABASE_URL_FILE" placeholder:"FILE" help:"File that holds it, in place of --notification-database-url."`
	Patience         time.Duration `name:"patience" default:"30s" placeholder:"DURATION" help:"How long orders that do not match are looked at again before they count as broken (default ${default})."`
	JSON             bool          `name:"json" help:"Print the report as JSON (default off)."`
}

// ErrBroken is what Run returns, after it has printed the report, when an invariant is broken.
var ErrBroken = errors.New("the system is not consistent")

// source is where one service's database is said to be.
type source struct{ service, url, file string }

func (c *Command) sources() []source {
	return []source{
		{"order", c.Order, c.OrderFile}, {"inventory", c.Inventory, c.InventoryFile}, {"notification", c.Notification, c.NotificationFile},
	}
}

// BeforeReset takes the brokers' default away: who names databases and forgets the brokers must not have them compared
// with the events of the broker that happens to listen on this machine.
func (c *Command) BeforeReset(ctx *kong.Context) error {
	for _, flag := range ctx.Flags() {
		if flag.Name == "kafka-brokers" {
			flag.Default, flag.HasDefault = "", false
			flag.Help = "Brokers to start from, comma separated; needed, as the databases are."
		}
	}
	return nil
}

// Validate reports everything that is wrong, each with its flag.
func (c *Command) Validate() error {
	errs := []error{c.Kafka.Validate()}
	for _, s := range c.sources() {
		flag := "--" + s.service + "-database-url"
		switch {
		case s.url == "" && s.file == "":
			errs = append(errs, fmt.Errorf("%s: is needed, or %[1]s-file, DATABASE_URL or DATABASE_URL_FILE", flag))
		case s.url != "" && s.file != "":
			errs = append(errs, fmt.Errorf("%s: give either it or %[1]s-file", flag))
		case s.url != "" && !isDatabaseURL(s.url):
			errs = append(errs, fmt.Errorf("%s: is neither postgres://USER:PASSWORD@HOST:PORT/NAME nor sqlite:PATH", flag))
		}
	}
	if c.Patience < 0 {
		errs = append(errs, fmt.Errorf("--patience: %s is negative", c.Patience))
	}
	return errors.Join(errs...)
}

func isDatabaseURL(url string) bool {
	return strings.HasPrefix(url, "sqlite:") || strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

// databases reads the files that hold URLs.
func (c *Command) databases() (map[string]string, error) {
	urls := map[string]string{}
	var errs []error
	for _, s := range c.sources() {
		urls[s.service] = s.url
		if s.file == "" {
			continue
		}
		text, err := os.ReadFile(s.file)
		urls[s.service] = strings.TrimSpace(string(text))
		if err == nil && !isDatabaseURL(urls[s.service]) {
			err = fmt.Errorf("what %s holds is neither postgres://USER:PASSWORD@HOST:PORT/NAME nor sqlite:PATH", s.file)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s-database-url-file: %w", s.service, err))
		}
	}
	return urls, errors.Join(errs...)
}

// Run audits and prints. The error is ErrBroken, wrapped, when an invariant is broken; any other means that the audit
// could not be done.
func (c *Command) Run(ctx context.Context, out io.Writer, log *slog.Logger) error {
	urls, err := c.databases()
	if err != nil {
		return err
	}
	report, err := Run(ctx, Config{
		Kafka: c.Kafka, Order: urls["order"], Inventory: urls["inventory"], Notification: urls["notification"],
		Patience: c.Patience, Log: log,
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
