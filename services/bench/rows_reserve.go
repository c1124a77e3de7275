package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/openorder/openorder/services/bench/load"
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
)

// filled makes the topics anew and fills order.created.
func (b *bench) filled(sku func(int) string) func(context.Context) (measurement, error) {
	return func(ctx context.Context) (measurement, error) {
		if err := b.cluster.renew(ctx); err != nil {
			return measurement{}, err
		}
		return measurement{}, b.cluster.fill(ctx, b.command.Records, sku)
	}
}

// bareLoop is the floor of what consumes.
func (b *bench) bareLoop(ctx context.Context) (measurement, error) {
	if err := b.cluster.renewOutcomes(ctx); err != nil {
		return measurement{}, err
	}
	p, err := b.launcher.floor(ctx, "loop", b.cluster.config)
	if err != nil {
		return measurement{}, err
	}
	seen, err := b.cluster.follow(ctx, event.TopicInventoryReserved, int64(b.command.Records), p.ended)
	if err := errors.Join(err, p.stop()); err != nil {
		return measurement{}, err
	}
	return measurement{rate: seen.rate(), cpu: p.cpu() / time.Duration(b.command.Records), memory: p.peak}, nil
}

// reserve is a row that measures inventory, from the first outcome to the last.
type reserve struct {
	row       string
	processes int
	failing   int // orders that fail on purpose; the rate is that of the others
}

func (b *bench) reserving(r reserve) func(context.Context) (measurement, error) {
	return func(ctx context.Context) (measurement, error) {
		return b.with(ctx, func(database string) (measurement, error) {
			if err := b.putStock(ctx, database); err != nil {
				return measurement{}, fmt.Errorf("put stock in: %w", err)
			}
			if err := b.cluster.renewOutcomes(ctx); err != nil {
				return measurement{}, err
			}
			return b.reserve(ctx, r, database)
		})
	}
}

func (b *bench) reserve(ctx context.Context, r reserve, database string) (measurement, error) {
	processes, err := b.startInventory(ctx, r.processes, database)
	if err != nil {
		return measurement{}, err
	}
	waitForProfile := b.profiler.profile(ctx, r.row, processes[0], time.Second+time.Duration(b.command.Records)*10*time.Microsecond)
	seen, err := b.followOutcomes(ctx, r, processes)
	if err == nil {
		err = b.checkOutcomes(ctx, r, processes[0])
	}
	if err := errors.Join(err, waitForProfile(), stopAll(processes...)); err != nil {
		return measurement{}, err
	}
	m := measurement{rate: seen.rate()}
	for _, p := range processes {
		m.cpu += p.cpu() / time.Duration(b.command.Records)
		m.memory = max(m.memory, p.peak)
	}
	return m, nil
}

// startInventory starts processes at the same time.
func (b *bench) startInventory(ctx context.Context, count int, database string) ([]*process, error) {
	processes := make([]*process, count)
	var group errgroup.Group
	for i := range processes {
		group.Go(func() (err error) {
			processes[i], err = b.launcher.service(ctx, "inventory", b.cluster.config, database, "FAIL_SKU="+failSKU)
			return err
		})
	}
	err := group.Wait()
	if err != nil {
		for _, p := range processes {
			if p != nil {
				err = errors.Join(err, p.stop())
			}
		}
	}
	return processes, err
}

// followOutcomes watches until all clean orders are reserved. Several processes count from when they share the work.
func (b *bench) followOutcomes(ctx context.Context, r reserve, processes []*process) (progress, error) {
	clean := int64(b.command.Records - r.failing)
	if r.processes == 1 {
		return b.cluster.follow(ctx, event.TopicInventoryReserved, clean, processes[0].ended)
	}
	var sharedSince time.Time
	var seen progress
	group, groupCtx := errgroup.WithContext(ctx)
	shared, stopLooking := context.WithCancel(groupCtx)
	group.Go(func() (err error) {
		defer stopLooking()
		seen, err = b.cluster.follow(groupCtx, event.TopicInventoryReserved, clean, processes[0].ended)
		return err
	})
	group.Go(func() error {
		for {
			ok, err := b.cluster.sharedBy(groupCtx, event.GroupInventory, r.processes)
			if ok {
				sharedSince = time.Now()
				return nil
			}
			if sleep(shared, 50*time.Millisecond) != nil {
				return err
			}
		}
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if sharedSince.IsZero() || len(seen.since(sharedSince)) < 10 {
		return nil, fmt.Errorf("all %d records were done before %d processes shared them; take more --records", b.command.Records, r.processes)
	}
	return seen.since(sharedSince), nil
}

// checkOutcomes makes sure that what was measured was the work wanted: all reserved but what fails, which is dead-lettered.
func (b *bench) checkOutcomes(ctx context.Context, r reserve, p *process) error {
	if r.failing > 0 {
		if _, err := b.cluster.follow(ctx, event.TopicDeadLetter, int64(r.failing), p.ended); err != nil {
			return err
		}
	}
	for topic, want := range map[string]int64{
		event.TopicInventoryReserved: int64(b.command.Records - r.failing), event.TopicInventoryRejected: 0, event.TopicDeadLetter: int64(r.failing),
	} {
		got, err := b.cluster.records(ctx, topic)
		if err != nil {
			return err
		}
		if got != want && r.processes == 1 || got < want { // a rebalance may repeat some
			return fmt.Errorf("%s holds %d records in the end, not %d", topic, got, want)
		}
	}
	return nil
}

// nobody is a broker that does not answer: the inventory service serves its API, and consumes nothing yet.
const nobody = "127.0.0.1:1"

// putStock puts plenty of every sku in.
func (b *bench) putStock(ctx context.Context, database string) error {
	p, err := b.launcher.service(ctx, "inventory", kafka.Config{Brokers: nobody}, database)
	if err != nil {
		return err
	}
	return errors.Join(putStockAt(ctx, p.api, b.command.SKUs), p.stop())
}

func putStockAt(ctx context.Context, address string, skus int) error {
	conn, err := load.Dial(ctx, address)
	if err != nil {
		return err
	}
	defer conn.Close()
	for n := range skus {
		request := load.AppendJSON(nil, http.MethodPut, address, "/api/stock/"+sku(n), []byte(`{"onHand":1000000000}`))
		status, body, err := conn.Do(request)
		if err != nil {
			return err
		}
		if status != http.StatusOK && status != http.StatusCreated {
			return fmt.Errorf("PUT stock of %s: status %d: %s", sku(n), status, body)
		}
	}
	return nil
}
