package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// bench is one run.
type bench struct {
	command   *Command
	log       *slog.Logger
	cluster   *cluster
	databases databases
	launcher  launcher
	profiler  profiler
	results   results
}

// measure runs all rounds and cleans up. What was measured before something went wrong is reported too.
func (c *Command) measure(ctx context.Context, log *slog.Logger) (_ *Report, err error) {
	launcher, err := newLauncher(c)
	if err != nil {
		return nil, err
	}
	databases, err := openDatabases(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, databases.close()) }()
	cluster, err := openCluster(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, cluster.close()) }()
	b := &bench{
		command: c, log: log, cluster: cluster, databases: databases, launcher: launcher,
		profiler: profiler{c.Profile}, results: results{},
	}
	for round := 1; round <= c.Rounds; round++ {
		if c.Rounds > 1 {
			log.Info("begin a round", "round", round, "of", c.Rounds)
		}
		if err = b.round(ctx); err != nil {
			break
		}
	}
	report := b.report()
	return &report, err
}

const fillPlain = "fill the topic"

// round measures every row wanted, and the ones that it is compared with.
func (b *bench) round(ctx context.Context) error {
	c := b.command
	plain := spread(c.SKUs)
	others := c.wants(rowHot, rowTwo, rowFail)
	one := b.reserving(reserve{row: rowReserve, processes: 1})
	steps := []struct {
		name   string
		of     string // the row that it is compared with, measured shortly before: brokers and databases tire and recover
		wanted bool
		run    func(context.Context) (measurement, error)
	}{
		{floorHandler, "", c.wants(rowPost), b.bareHandler},
		{rowPost, floorHandler, c.wants(rowPost), b.post},
		{fillPlain, "", c.wants(rowReserve) || others, b.filled(plain)},
		{floorLoop, "", c.wants(rowReserve), b.bareLoop},
		{rowReserve, floorLoop, c.wants(rowReserve, rowTwo), one},
		{rowTwo, rowReserve, c.wants(rowTwo), b.reserving(reserve{row: rowTwo, processes: 2})},
		{rowReserve, "", c.wants(rowHot), one},
		{"fill the topic with one SKU", "", c.wants(rowHot), b.filled(spread(1))},
		{rowHot, rowReserve, c.wants(rowHot), b.reserving(reserve{row: rowHot, processes: 1})},
		{fillPlain, "", c.wants(rowHot) && c.wants(rowFail), b.filled(plain)},
		{rowReserve, "", c.wants(rowFail), one},
		{"fill the topic with 1 % FAIL", "", c.wants(rowFail), b.filled(failing(plain))},
		{rowFail, rowReserve, c.wants(rowFail), b.reserving(reserve{row: rowFail, processes: 1, failing: c.Records / 100})},
		{rowLatency, "", c.wants(rowLatency), b.latency},
		{rowIdle + "-order", "", c.wants(rowIdle), b.idle("order")},
		{rowIdle + "-inventory", "", c.wants(rowIdle), b.idle("inventory")},
		{rowIdle + "-notification", "", c.wants(rowIdle), b.idle("notification")},
	}
	for _, step := range steps {
		if !step.wanted {
			continue
		}
		b.log.Info("measure", "row", step.name)
		m, err := step.run(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		b.results.add(step.name, step.of, m)
	}
	return nil
}

// with gives a row a database of its own, and drops it afterwards.
func (b *bench) with(ctx context.Context, row func(database string) (measurement, error)) (_ measurement, err error) {
	database, drop, err := b.databases.fresh(ctx)
	if err != nil {
		return measurement{}, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	return row(database)
}

// stopAll ends processes one after the other.
func stopAll(processes ...*process) error {
	var errs []error
	for _, p := range processes {
		errs = append(errs, p.stop())
	}
	return errors.Join(errs...)
}

// settle is how long an idle service is left alone before its memory is looked at.
const settle = 5 * time.Second

// idle looks at a service's memory when it has nothing to do.
func (b *bench) idle(service string) func(context.Context) (measurement, error) {
	return func(ctx context.Context) (measurement, error) {
		return b.with(ctx, func(database string) (measurement, error) {
			if err := b.cluster.renew(ctx); err != nil {
				return measurement{}, err
			}
			p, err := b.launcher.service(ctx, service, b.cluster.config, database)
			if err != nil {
				return measurement{}, err
			}
			err = sleep(ctx, settle)
			memory := residentMemory(p.cmd.Process.Pid)
			return measurement{memory: memory}, errors.Join(err, p.stop())
		})
	}
}
