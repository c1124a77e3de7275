package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/openorder/openorder/services/bench/load"
)

const (
	maxLookers   = 512                  // connections that place an order and look what became of it
	lookInterval = 5 * time.Millisecond // between their looks, at least
	lookShare    = 5                    // and a fifth of the wait so far: or a slow system would drown in looks
	lookPatience = 30 * time.Second
)

// latency measures from POST until GET shows RESERVED, with all that is needed for it running.
func (b *bench) latency(ctx context.Context) (measurement, error) {
	return b.with(ctx, func(database string) (measurement, error) {
		if err := b.cluster.renew(ctx); err != nil {
			return measurement{}, err
		}
		inventory, err := b.launcher.service(ctx, "inventory", b.cluster.config, database)
		if err != nil {
			return measurement{}, err
		}
		order, err := b.launcher.service(ctx, "order", b.cluster.config, database)
		if err != nil {
			return measurement{}, errors.Join(err, inventory.stop())
		}
		profiled := []func() error{
			b.profiler.profile(ctx, rowLatency, order, b.command.Duration+warmup),
			b.profiler.profile(ctx, rowLatency, inventory, b.command.Duration+warmup),
		}
		err = putStockAt(ctx, inventory.api, b.command.SKUs)
		var result load.Result
		if err == nil {
			result, err = b.placeAndLook(ctx, order.api)
		}
		for _, wait := range profiled {
			err = errors.Join(err, wait())
		}
		if err := errors.Join(err, stopAll(order, inventory)); err != nil {
			return measurement{}, err
		}
		return measurement{
			rate: result.Rate(), p50: result.Latencies.Percentile(50), p99: result.Latencies.Percentile(99),
			memory: max(order.peak, inventory.peak),
		}, nil
	})
}

func (b *bench) placeAndLook(ctx context.Context, address string) (load.Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()                             // closes the connections
	lookers := min(maxLookers, b.command.Rate) // each is used once a second, or the service would close it
	conns := make([]*load.Conn, lookers)
	for i := range conns {
		conn, err := load.Dial(ctx, address)
		if err != nil {
			return load.Result{}, err
		}
		conns[i] = conn
	}
	placed := make([]int, lookers)
	return load.Paced{
		Rate: b.command.Rate, Workers: lookers, Warmup: warmup, Duration: b.command.Duration,
		Work: func(ctx context.Context, worker int) error {
			n := placed[worker]*lookers + worker
			placed[worker]++
			return placeAndLookOnce(ctx, conns[worker], address, orderBody(n, sku(n%b.command.SKUs)))
		},
	}.Run(ctx)
}

// placeAndLookOnce returns when GET shows the order RESERVED.
func placeAndLookOnce(ctx context.Context, conn *load.Conn, address string, body []byte) error {
	status, answer, err := conn.Do(load.AppendJSON(nil, http.MethodPost, address, "/api/orders", body))
	if err != nil {
		return fmt.Errorf("POST: %w", err)
	}
	if status != http.StatusAccepted {
		return fmt.Errorf("POST: status %d: %s", status, answer)
	}
	var placed struct {
		OrderID int64 `json:"orderId"`
	}
	if err := json.Unmarshal(answer, &placed); err != nil {
		return fmt.Errorf("POST: %w", err)
	}
	since := time.Now()
	look := load.AppendGet(nil, address, "/api/orders/"+strconv.FormatInt(placed.OrderID, 10))
	for {
		if err := sleep(ctx, max(lookInterval, time.Since(since)/lookShare)); err != nil {
			return err
		}
		status, answer, err := conn.Do(look)
		if err != nil {
			return fmt.Errorf("GET: %w", err)
		}
		if status != http.StatusOK || bytes.Contains(answer, []byte(`"REJECTED"`)) {
			return fmt.Errorf("GET: status %d: %s", status, answer)
		}
		if bytes.Contains(answer, []byte(`"RESERVED"`)) {
			return nil
		}
		if time.Since(since) > lookPatience {
			return fmt.Errorf("not RESERVED after %s: %s", lookPatience, answer)
		}
	}
}
