// Package app wires the inventory service.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/service"
	"github.com/openorder/openorder/services/internal/telemetry"
	"github.com/openorder/openorder/services/inventory"
	"github.com/openorder/openorder/services/inventory/consume"
	"github.com/openorder/openorder/services/inventory/http"
	"github.com/openorder/openorder/services/inventory/postgres"
	"github.com/openorder/openorder/services/inventory/sqlite"
)

// Config is the service's settings.
type Config struct {
	Kafka    kafka.Config
	Database database.Config
	Service  service.Config
	FailSKU  string

	// AtStart is called with the open store before the first order is taken, such as SampleStock. It may be nil.
	AtStart func(ctx context.Context, shelves inventory.Shelves) error
}

// AddFlags registers the flags.
func (c *Config) AddFlags(f *pflag.FlagSet) {
	c.Kafka.AddFlags(f)
	c.Database.AddFlags(f)
	c.Service.AddFlags(f, ":8082", ":9082")
	f.StringVar(&c.FailSKU, "fail-sku", "FAIL", "Orders with this `SKU` fail on purpose: three attempts, then the dead letter topic. Empty: none. PUT /fail-sku on the admin address switches it while the service runs ($FAIL_SKU).")
}

// Validate reports everything that is wrong, each with its flag.
func (c *Config) Validate() error {
	errs := []error{c.Kafka.Validate(), c.Database.Validate(), c.Service.Validate()}
	if err := checkFailSKU(c.FailSKU); err != nil {
		errs = append(errs, fmt.Errorf("--fail-sku: %w", err))
	}
	return errors.Join(errs...)
}

func checkFailSKU(sku string) error {
	if sku == "" {
		return nil
	}
	return inventory.CheckSKU(sku)
}

// Logging is how the service logs.
func (c *Config) Logging() telemetry.LogConfig { return c.Service.Log }

// Schema is the service's part of a database.
func Schema() database.Schema {
	return database.Schema{Name: "inventory_service", PostgreSQL: postgres.Migrations, SQLite: sqlite.Migrations}
}

// Migrate brings the database's schema up to date.
func (c *Config) Migrate(ctx context.Context, log *slog.Logger) error {
	return database.Migrate(ctx, c.Database, Schema(), log)
}

// Run serves until ctx is done.
func (c *Config) Run(ctx context.Context, log *slog.Logger) error {
	return service.Run(ctx, "inventory", c.Service, log, c.start)
}

func (c *Config) start(ctx context.Context, base *service.Base) (_ service.Parts, err error) {
	db, err := database.Open(ctx, c.Database, Schema(), base.Log, reporter(base, "database"))
	if err != nil {
		return service.Parts{}, fmt.Errorf("open the database: %w", err)
	}
	defer func() {
		if err != nil {
			db.Close()
		}
	}()
	store := open(db)
	if c.AtStart != nil {
		if err := c.AtStart(ctx, store); err != nil {
			return service.Parts{}, err
		}
	}
	base.Health.Open("database")
	db.Register(base.Metrics)

	failSKU := &inventory.FailSKU{}
	failSKU.Set(c.FailSKU)
	serveFailSKU(base, failSKU)
	consumer, err := c.consumer(base, store, failSKU)
	if err != nil {
		return service.Parts{}, err
	}
	return service.Parts{
		API:   http.NewHandler(store, base.Log, service.Instrument(base.Metrics)),
		Tasks: []service.Task{consumer.Run, watchStock(store, base), forgetKeys(store, base)},
		Close: db.Close,
	}, nil
}

func open(db *database.DB) inventory.Store {
	if db.PostgreSQL != nil {
		return postgres.New(db.PostgreSQL)
	}
	return sqlite.New(db.SQLite)
}

func (c *Config) consumer(base *service.Base, store inventory.Reserver, failSKU *inventory.FailSKU) (*kafka.Consumer, error) {
	consumer, err := kafka.NewConsumer(kafka.ConsumerConfig{
		Kafka: c.Kafka, Group: event.GroupInventory, Topics: []string{event.TopicOrderCreated}, ClientID: event.GroupInventory,
		MaxBatch: consume.MaxBatch, KeyName: "order_id", DeadLetter: event.TopicDeadLetter,
		Handler: consume.NewHandler(store, failSKU, base.Metrics), Outage: database.Outage,
		Log: base.Log, Metrics: base.Metrics, Report: reporter(base, "kafka"),
	})
	if err != nil {
		return nil, fmt.Errorf("make the consumer: %w", err)
	}
	return consumer, nil
}

func reporter(base *service.Base, name string) func(error) {
	return func(err error) { base.Health.Report(name, err) }
}
