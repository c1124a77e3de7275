package app_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/service"
	"github.com/openorder/openorder/services/inventory"
	"github.com/openorder/openorder/services/inventory/app"
	"github.com/openorder/openorder/services/inventory/consume"
	"github.com/openorder/openorder/services/inventory/postgres"
)

// What this test binary does as a process to be killed or frozen, and with what.
const (
	childVariable    = "OPENORDER_INVENTORY_CHILD"
	brokersVariable  = "OPENORDER_INVENTORY_CHILD_BROKERS"
	databaseVariable = "OPENORDER_INVENTORY_CHILD_DATABASE"
)

var children = map[string]func() error{"serve": serve, "freeze": freeze}

func TestMain(m *testing.M) {
	if run := children[os.Getenv(childVariable)]; run != nil {
		if err := run(); err != nil {
			slog.Error("child", "error", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child starts a process of this binary. It does not outlive the test.
func (s *system) child(what string) *os.Process {
	s.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+what, brokersVariable+"="+s.brokers.Brokers, databaseVariable+"="+s.url)
	cmd.Stderr = s.Output()
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd.Process
}

func serve() error {
	config := &app.Config{
		Kafka: kafka.Config{Brokers: os.Getenv(brokersVariable)}, Database: database.Config{URL: os.Getenv(databaseVariable)},
		Service: service.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0"},
	}
	return config.Run(context.Background(), slog.Default())
}

// freeze consumes, and stops itself like a debugger would at the worst moment: stock is locked, nothing decided yet.
func freeze() error {
	ctx := context.Background()
	db, err := database.Open(ctx, database.Config{URL: os.Getenv(databaseVariable)}, app.Schema(), slog.Default(), func(error) {})
	if err != nil {
		return err
	}
	config := db.PostgreSQL.Config()
	config.ConnConfig.Tracer = &freezer{}
	config.BeforeConnect = nil // it would put the tracer away
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	consumer, err := kafka.NewConsumer(kafka.ConsumerConfig{
		Kafka: kafka.Config{Brokers: os.Getenv(brokersVariable)}, Group: event.GroupInventory, Topics: []string{event.TopicOrderCreated},
		ClientID: event.GroupInventory, MaxBatch: 10, DeadLetter: event.TopicDeadLetter, Log: slog.Default(), Metrics: prometheus.NewRegistry(),
		Handler: consume.NewHandler(postgres.New(pool), &inventory.FailSKU{}, prometheus.NewRegistry()), Outage: database.Outage,
	})
	if err != nil {
		return err
	}
	return consumer.Run(ctx)
}

// freezer stops the process once, after the first batch of statements: that one locks.
type freezer struct{ once sync.Once }

func (f *freezer) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {
	f.once.Do(func() { _ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) })
}

func (f *freezer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}
func (f *freezer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (f *freezer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (f *freezer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
