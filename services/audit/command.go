package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/internal/kafka"
)

// Command is `openorder audit`.
type Command struct {
	Kafka            kafka.Config
	Order            string
	OrderFile        string
	Inventory        string
	InventoryFile    string
	Notification     string
	NotificationFile string
	Patience         time.Duration
	JSON             bool
}

// AddFlags registers the flags.
func (c *Command) AddFlags(f *pflag.FlagSet) {
	c.Kafka.AddFlags(f)
	brokers := f.Lookup("kafka-brokers") // no default: what listens on this machine is not what shall be audited
	c.Kafka.Brokers, brokers.DefValue = "", ""
	brokers.Usage = "`HOST:PORT,...` of brokers to start from (required) ($KAFKA_BROKERS)."
	f.StringVar(&c.Order, "order-database-url", "", "`URL` of the order service's database; read rights are enough (required, or a file) ($ORDER_DATABASE_URL, $DATABASE_URL).")
	f.StringVar(&c.OrderFile, "order-database-url-file", "", "`FILE` that holds it, in place of --order-database-url ($ORDER_DATABASE_URL_FILE, $DATABASE_URL_FILE).")
	f.StringVar(&c.Inventory, "inventory-database-url", "", "`URL` of the inventory service's database (required, or a file) ($INVENTORY_DATABASE_URL, $DATABASE_URL).")
	f.StringVar(&c.InventoryFile, "inventory-database-url-file", "", "`FILE` that holds it, in place of --inventory-database-url ($INVENTORY_DATABASE_URL_FILE, $DATABASE_URL_FILE).")
	f.StringVar(&c.Notification, "notification-database-url", "", "`URL` of the notification service's database (required, or a file) ($NOTIFICATION_DATABASE_URL, $DATABASE_URL).")
	f.StringVar(&c.NotificationFile, "notification-database-url-file", "", "`FILE` that holds it, in place of --notification-database-url ($NOTIFICATION_DATABASE_URL_FILE, $DATABASE_URL_FILE).")
	f.DurationVar(&c.Patience, "patience", 30*time.Second, "How long orders that do not match are looked at again before they count as broken.")
	f.BoolVar(&c.JSON, "json", false, "Print the report as JSON.")
}

// ErrBroken is what Run returns, after it has printed the report, when an invariant is broken.
var ErrBroken = errors.New("the system is not consistent")

// source is where one service's database is said to be.
type source struct{ service, url, file string }

func (s source) isNamed() bool { return s.url != "" || s.file != "" }

func (c *Command) sources() []source {
	return []source{
		{"order", c.Order, c.OrderFile}, {"inventory", c.Inventory, c.InventoryFile}, {"notification", c.Notification, c.NotificationFile},
	}
}

// Validate reports everything that is wrong, each with its flag.
func (c *Command) Validate() error {
	sources := c.sources()
	if c.Kafka.Brokers == "" && !slices.ContainsFunc(sources, source.isNamed) {
		return errors.New("no all-in-one runs on this machine, and no other system is named: give --kafka-brokers (KAFKA_BROKERS) and, as one for all services, DATABASE_URL")
	}
	errs := []error{c.Kafka.Validate()}
	for _, s := range sources {
		flag := "--" + s.service + "-database-url"
		switch {
		case !s.isNamed():
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
		return fmt.Errorf("audit: %w", c.Kafka.Explain(err))
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
