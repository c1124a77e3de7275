package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/openorder/openorder/services/internal/broker"
	"github.com/openorder/openorder/services/internal/cli"
	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/service"
	"github.com/openorder/openorder/services/internal/telemetry"
	inventory "github.com/openorder/openorder/services/inventory/app"
	notification "github.com/openorder/openorder/services/notification/app"
	"github.com/openorder/openorder/services/notification/webhook"
	order "github.com/openorder/openorder/services/order/app"
)

// serve is the all-in-one. It listens on loopback addresses unless told otherwise.
type serve struct {
	DataDir   string
	Ephemeral bool

	KafkaListen             string
	OrderListen             string
	OrderAdminListen        string
	InventoryListen         string
	InventoryAdminListen    string
	NotificationListen      string
	NotificationAdminListen string

	FailSKU          string
	LogNotifications bool
	Webhook          webhook.Config
	Pprof            bool
	DrainDelay       time.Duration
	Log              telemetry.LogConfig
}

// AddFlags registers the flags.
func (s *serve) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&s.DataDir, "data-dir", defaultDataDir(), "`DIR` where orders, stock and events stay ($DATA_DIR).")
	f.BoolVar(&s.Ephemeral, "ephemeral", false, "Keep nothing: everything is gone when the process ends.")
	f.StringVar(&s.KafkaListen, "kafka-listen", "127.0.0.1:9092", "`HOST:PORT` of the embedded broker ($KAFKA_LISTEN).")
	f.StringVar(&s.OrderListen, "order-listen", "127.0.0.1:8080", "`HOST:PORT` of the order service's API ($ORDER_LISTEN).")
	f.StringVar(&s.OrderAdminListen, "order-admin-listen", "127.0.0.1:9080", "`HOST:PORT` of its probes and metrics ($ORDER_ADMIN_LISTEN).")
	f.StringVar(&s.InventoryListen, "inventory-listen", "127.0.0.1:8082", "`HOST:PORT` of the inventory service's API ($INVENTORY_LISTEN).")
	f.StringVar(&s.InventoryAdminListen, "inventory-admin-listen", "127.0.0.1:9082", "`HOST:PORT` of its probes and metrics, and of /fail-sku ($INVENTORY_ADMIN_LISTEN).")
	f.StringVar(&s.NotificationListen, "notification-listen", "127.0.0.1:8083", "`HOST:PORT` of the notification service's API ($NOTIFICATION_LISTEN).")
	f.StringVar(&s.NotificationAdminListen, "notification-admin-listen", "127.0.0.1:9083", "`HOST:PORT` of its probes and metrics ($NOTIFICATION_ADMIN_LISTEN).")
	f.StringVar(&s.FailSKU, "fail-sku", "FAIL", "Orders with this `SKU` fail on purpose; empty: none ($FAIL_SKU).")
	f.BoolVar(&s.LogNotifications, "log-notifications", true, "Write a log line for each notification ($LOG_NOTIFICATIONS).")
	s.Webhook.AddFlags(f)
	f.BoolVar(&s.Pprof, "pprof", false, "Serve /debug/pprof on the admin addresses ($PPROF).")
	f.DurationVar(&s.DrainDelay, "drain-delay", 0, "How long to go on serving after SIGTERM, not ready any more ($DRAIN_DELAY).")
	s.Log.AddFlags(f)
}

// Validate reports everything that is wrong, each with its flag.
func (s *serve) Validate() error {
	var broker error
	if _, _, err := net.SplitHostPort(s.KafkaListen); err != nil {
		broker = fmt.Errorf("--kafka-listen: %q is not HOST:PORT", s.KafkaListen)
	}
	var dir error
	if s.DataDir == "" {
		dir = errors.New("--data-dir: is empty")
	}
	services := s.services(kafka.Config{Brokers: "127.0.0.1:0"}) // the embedded one, which is judged above
	return eachOnce(dir, broker, services.order.Validate(), services.inventory.Validate(), services.notification.Validate())
}

// eachOnce joins refusals, a line each, without those that are there already: what the services share is judged by each.
func eachOnce(errs ...error) error {
	var lines []string
	for _, err := range errs {
		if err == nil {
			continue
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(lines, "\n"))
}

// Run serves until ctx is done.
func (s *serve) Run(ctx context.Context) error {
	dir, err := openDataDir(s.DataDir, s.Ephemeral)
	if err != nil {
		return err
	}
	defer dir.close()
	log := s.Log.Logger(os.Stderr)
	brokers, err := broker.Start(broker.Config{Dir: dir.broker(), Address: s.KafkaListen, Partitions: 6, Log: log})
	if errors.As(err, new(broker.AddressError)) {
		return fmt.Errorf("--kafka-listen: %w", err)
	}
	if err != nil {
		return fmt.Errorf("--data-dir: %w", err)
	}
	defer brokers.Close()
	services := s.services(kafka.Config{Brokers: brokers.Address()})
	word := running{Brokers: brokers.Address(), Databases: map[string]string{}, Lock: dir.lock.Path()}
	for name, database := range services.databases() {
		database.URL = dir.database(name)
		word.Databases[name] = database.URL
	}
	if takeBack, err := word.leaveWord(); err != nil {
		log.Warn("the tools will need flags to find this process", "error", err)
	} else {
		defer takeBack()
	}
	listening := services.onListen()
	return cli.Traced(ctx, "openorder", nil, log, func(ctx context.Context, log *slog.Logger) error {
		group, ctx := errgroup.WithContext(ctx)
		for name, one := range services.all() {
			group.Go(func() error { return one.Run(ctx, log.With("service", name)) })
		}
		group.Go(func() error { s.announce(ctx, listening, dir); return nil })
		return group.Wait()
	})
}

// pipeline is the three services.
type pipeline struct {
	order        *order.Config
	inventory    *inventory.Config
	notification *notification.Config
}

func (s *serve) services(brokers kafka.Config) pipeline {
	pending := database.Config{URL: "sqlite:pending"} // the file is known once the data directory is ours
	frame := func(name, listen, admin string) service.Config {
		return service.Config{Listen: listen, AdminListen: admin, Pprof: s.Pprof, DrainDelay: s.DrainDelay, Log: s.Log, FlagPrefix: name + "-"}
	}
	return pipeline{
		order: &order.Config{Kafka: brokers, Database: pending, Service: frame("order", s.OrderListen, s.OrderAdminListen)},
		inventory: &inventory.Config{
			Kafka: brokers, Database: pending, Service: frame("inventory", s.InventoryListen, s.InventoryAdminListen),
			FailSKU: s.FailSKU, AtStart: inventory.SampleStock,
		},
		notification: &notification.Config{
			Kafka: brokers, Database: pending, Service: frame("notification", s.NotificationListen, s.NotificationAdminListen),
			LogNotifications: s.LogNotifications, Webhook: s.Webhook,
		},
	}
}

func (p pipeline) all() map[string]cli.Service {
	return map[string]cli.Service{"order": p.order, "inventory": p.inventory, "notification": p.notification}
}

func (p pipeline) databases() map[string]*database.Config {
	return map[string]*database.Config{"order": &p.order.Database, "inventory": &p.inventory.Database, "notification": &p.notification.Database}
}

// onListen returns a channel on which each service tells that it listens.
func (p pipeline) onListen() <-chan struct{} {
	listening := make(chan struct{}, 3)
	for _, frame := range []*service.Config{&p.order.Service, &p.inventory.Service, &p.notification.Service} {
		frame.OnListen = func(_, _ net.Addr) { listening <- struct{}{} }
	}
	return listening
}

// announce prints the banner once all three services listen.
func (s *serve) announce(ctx context.Context, listening <-chan struct{}, dir *dataDir) {
	for range 3 {
		select {
		case <-ctx.Done():
			return
		case <-listening:
		}
	}
	printBanner(os.Stdout, s, dir)
}
