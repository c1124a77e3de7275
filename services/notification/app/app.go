// Package app wires the notification service.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/internal/cli"
	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/service"
	"github.com/openorder/openorder/services/internal/telemetry"
	"github.com/openorder/openorder/services/notification"
	"github.com/openorder/openorder/services/notification/consume"
	"github.com/openorder/openorder/services/notification/http"
	"github.com/openorder/openorder/services/notification/logline"
	"github.com/openorder/openorder/services/notification/postgres"
	"github.com/openorder/openorder/services/notification/sqlite"
	"github.com/openorder/openorder/services/notification/webhook"
)

// Config is the service's settings.
type Config struct {
	Kafka            kafka.Config
	Database         database.Config
	Service          service.Config
	LogNotifications bool
	Webhook          webhook.Config
}

// AddFlags registers the flags.
func (c *Config) AddFlags(f *pflag.FlagSet) {
	c.Kafka.AddFlags(f)
	c.Database.AddFlags(f)
	c.Service.AddFlags(f, ":8083", ":9083")
	f.BoolVar(&c.LogNotifications, "log-notifications", true, "Write a log line for each notification ($LOG_NOTIFICATIONS).")
	c.Webhook.AddFlags(f)
}

// maxBatch is how many records are recorded in one transaction.
const maxBatch = 2000

// Validate reports everything that is wrong, each with its flag.
func (c *Config) Validate() error {
	return errors.Join(c.Kafka.Validate(), c.Database.Validate(), c.Service.Validate(), c.Webhook.Validate())
}

// Logging is how the service logs.
func (c *Config) Logging() telemetry.LogConfig { return c.Service.Log }

// Schema is the service's part of a database.
func Schema() database.Schema {
	return database.Schema{Name: "notification_service", PostgreSQL: postgres.Migrations, SQLite: sqlite.Migrations}
}

// Migrate brings the database's schema up to date.
func (c *Config) Migrate(ctx context.Context, log *slog.Logger) error {
	return database.Migrate(ctx, c.Database, Schema(), log)
}

// Run serves until ctx is done.
func (c *Config) Run(ctx context.Context, log *slog.Logger) error {
	return service.Run(ctx, "notification", c.Service, log, c.start)
}

// ledger is what the service needs of a store in all.
type ledger interface {
	consume.Ledger
	notification.CourierLedger
	http.Ledger
	Register(ctx context.Context, receivers []notification.Receiver) error
	// Recall puts right what a clock that went back has put off, and returns how many that were.
	Recall(ctx context.Context) (int64, error)
}

func (c *Config) start(ctx context.Context, base *service.Base) (service.Parts, error) {
	db, err := database.Open(ctx, c.Database, Schema(), base.Log, reporter(base, "database"))
	if err != nil {
		return service.Parts{}, fmt.Errorf("open the database: %w", err)
	}
	ledger := open(db)
	receivers := c.receivers(base.Log)
	if err := register(ctx, ledger, receivers, base.Log, reporter(base, "database")); err != nil {
		db.Close()
		return service.Parts{}, err
	}
	base.Health.Open("database")
	db.Register(base.Metrics)
	metrics := newMetrics(base.Metrics, receivers)
	bell := newBell(len(receivers))
	consumer, err := c.consumer(base, ledger, receivers, metrics, bell)
	if err != nil {
		db.Close()
		return service.Parts{}, err
	}
	tasks := []service.Task{
		consumer.Run, metrics.watch(ledger, reporter(base, "ledger")), recall(ledger, bell.ring, base.Log, reporter(base, "clock")),
	}
	for i, r := range receivers {
		courier := &notification.Courier{
			Receiver: r, Ledger: ledger, Wake: bell.waiters[i], Log: base.Log,
			Report: reporter(base, "receiver "+r.ID), Observe: metrics.attempt,
		}
		tasks = append(tasks, courier.Run)
	}
	api := http.New(http.Config{
		Ledger: ledger, Version: cli.Version(), Wake: bell.ring, Log: base.Log,
		Middleware: []http.Middleware{service.Instrument(base.Metrics)},
	})
	return service.Parts{API: api, Tasks: tasks, Close: db.Close}, nil
}

func open(db *database.DB) ledger {
	if db.PostgreSQL != nil {
		return postgres.New(db.PostgreSQL)
	}
	return sqlite.New(db.SQLite.Write, db.SQLite.Read)
}

// receivers are those who are told.
func (c *Config) receivers(log *slog.Logger) []notification.Receiver {
	receivers := c.Webhook.Receivers()
	if c.LogNotifications {
		receivers = append(receivers, logline.Receiver(log))
	}
	if len(receivers) == 0 {
		log.Warn("nobody is told: --log-notifications is off and no --webhook-url is given")
	}
	for i := range receivers {
		receivers[i].Sender = traced{receivers[i].ID, receivers[i].Sender}
	}
	return receivers
}

func (c *Config) consumer(base *service.Base, ledger ledger, receivers []notification.Receiver, metrics *metrics, bell *bell) (*kafka.Consumer, error) {
	ids := make([]string, len(receivers))
	for i, r := range receivers {
		ids[i] = r.ID
	}
	consumer, err := kafka.NewConsumer(kafka.ConsumerConfig{
		Kafka: c.Kafka, Group: event.GroupNotification, Topics: consume.Topics(), ClientID: event.GroupNotification,
		MaxBatch: maxBatch, KeyName: "order_id", DeadLetter: event.TopicDeadLetter, Log: base.Log, Metrics: base.Metrics,
		Report: reporter(base, "kafka"), Outage: database.Outage,
		Handler: &consume.Handler{
			Ledger: ledger, Receivers: ids, Ignored: metrics.ignore,
			Told: func(news []notification.Event) { metrics.told(news); bell.ring() },
		},
	})
	if err != nil {
		return nil, fmt.Errorf("make the consumer: %w", err)
	}
	return consumer, nil
}

func reporter(base *service.Base, name string) func(error) {
	return func(err error) { base.Health.Report(name, err) }
}
