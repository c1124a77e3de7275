// Package app wires the order service.
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
	"github.com/openorder/openorder/services/order"
	"github.com/openorder/openorder/services/order/consume"
	"github.com/openorder/openorder/services/order/http"
	"github.com/openorder/openorder/services/order/postgres"
	"github.com/openorder/openorder/services/order/publish"
	"github.com/openorder/openorder/services/order/sqlite"
)

// Config is the service's settings.
type Config struct {
	Kafka    kafka.Config
	Database database.Config
	Service  service.Config

	// Timing is for tests; the zero value is for production.
	Timing order.Timing
}

// AddFlags registers the flags.
func (c *Config) AddFlags(f *pflag.FlagSet) {
	c.Kafka.AddFlags(f)
	c.Database.AddFlags(f)
	c.Service.AddFlags(f, ":8080", ":9080")
}

// maxBatch is how many outcomes and dead letters are applied in one transaction.
const maxBatch = 1000

// Validate reports everything that is wrong, each with its flag.
func (c *Config) Validate() error {
	return errors.Join(c.Kafka.Validate(), c.Database.Validate(), c.Service.Validate())
}

// Logging is how the service logs.
func (c *Config) Logging() telemetry.LogConfig { return c.Service.Log }

// Schema is the service's part of a database.
func Schema() database.Schema {
	return database.Schema{Name: "order_service", PostgreSQL: postgres.Migrations, SQLite: sqlite.Migrations}
}

// Migrate brings the database's schema up to date.
func (c *Config) Migrate(ctx context.Context, log *slog.Logger) error {
	return database.Migrate(ctx, c.Database, Schema(), log)
}

// Run serves until ctx is done.
func (c *Config) Run(ctx context.Context, log *slog.Logger) error {
	return service.Run(ctx, "order", c.Service, log, c.start)
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
	producer, err := kafka.NewProducer(kafka.ProducerConfig{
		Kafka: c.Kafka, ClientID: event.GroupOrder + "-publisher", Log: base.Log, Metrics: base.Metrics, Report: reporter(base, "producer"),
	})
	if err != nil {
		return service.Parts{}, fmt.Errorf("make the producer: %w", err)
	}
	orders := order.New(order.Config{
		Store: store(db), Publish: publish.New(producer.Produce), Log: base.Log, Metrics: base.Metrics,
		Report: base.Health.Report, Timing: c.Timing,
	})
	consumer, err := kafka.NewConsumer(kafka.ConsumerConfig{
		Kafka: c.Kafka, Group: event.GroupOrder, Topics: consume.Topics, ClientID: event.GroupOrder,
		MaxBatch: maxBatch, KeyName: "order_id", DeadLetter: event.TopicDeadLetter, Handler: consume.New(orders, base.Log), Outage: database.Outage,
		Log: base.Log, Metrics: base.Metrics, Report: reporter(base, "consumer"),
	})
	if err != nil {
		producer.Close()
		return service.Parts{}, fmt.Errorf("make the consumer: %w", err)
	}
	base.Health.Open("database")
	db.Register(base.Metrics)
	tasks := []service.Task{consumer.Run}
	for _, task := range orders.Tasks() {
		tasks = append(tasks, task)
	}
	return service.Parts{
		API:   http.NewHandler(orders, base.Log, service.Instrument(base.Metrics)),
		Tasks: tasks,
		Close: func() { producer.Close(); db.Close() },
	}, nil
}

func store(db *database.DB) order.Store {
	if db.PostgreSQL != nil {
		return postgres.New(db.PostgreSQL)
	}
	return sqlite.New(db.SQLite)
}

func reporter(base *service.Base, name string) func(error) {
	return func(err error) { base.Health.Report(name, err) }
}
