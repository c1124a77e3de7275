package bench

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/openorder/openorder/services/bench/load"
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
)

// warmup is what does not count of a load: connections, and above all the broker's JIT, which takes seconds.
const warmup = 5 * time.Second

// bareHandler is POST's floor.
func (b *bench) bareHandler(ctx context.Context) (measurement, error) {
	p, err := b.launcher.floor(ctx, "handler", kafka.Config{})
	if err != nil {
		return measurement{}, err
	}
	result, err := b.postTo(ctx, p.api)
	if err := errors.Join(err, p.stop()); err != nil {
		return measurement{}, err
	}
	return posted(result, p), nil
}

// post measures the order service alone, publishing included: it must have kept up by the end.
func (b *bench) post(ctx context.Context) (measurement, error) {
	return b.with(ctx, func(database string) (measurement, error) {
		if err := b.cluster.renew(ctx); err != nil {
			return measurement{}, err
		}
		p, err := b.launcher.service(ctx, "order", b.cluster.config, database)
		if err != nil {
			return measurement{}, err
		}
		profiled := b.profiler.profile(ctx, rowPost, p, b.command.Duration+warmup)
		result, err := b.postTo(ctx, p.api)
		ended := time.Now()
		if err == nil {
			_, err = b.cluster.follow(ctx, event.TopicOrderCreated, int64(result.All), p.ended)
		}
		behind := time.Since(ended)
		if err := errors.Join(err, profiled(), p.stop()); err != nil {
			return measurement{}, err
		}
		m := posted(result, p)
		m.behind = behind
		return m, nil
	})
}

func (b *bench) postTo(ctx context.Context, address string) (load.Result, error) {
	skus := spread(b.command.SKUs)
	bodies := make([][]byte, b.command.SKUs)
	for i := range bodies {
		bodies[i] = orderBody(i, skus(i))
	}
	return load.Closed{
		Address: address, Connections: b.command.Connections, Warmup: warmup, Duration: b.command.Duration,
		WantStatus: http.StatusAccepted,
		Request: func(dst []byte, connection, n int) []byte {
			return load.AppendJSON(dst, http.MethodPost, address, "/api/orders", bodies[(connection*7919+n)%len(bodies)])
		},
	}.Run(ctx)
}

func orderBody(n int, sku string) []byte {
	body := append([]byte(`{"userId":`), strconv.Itoa(1+n%1000)...)
	return append(append(append(body, `,"items":[{"sku":"`...), sku...), `","qty":1}]}`...)
}

func posted(result load.Result, p *process) measurement {
	return measurement{
		rate: result.Rate(), p50: result.Latencies.Percentile(50), p99: result.Latencies.Percentile(99),
		cpu: p.cpu() / time.Duration(max(1, result.All)), memory: p.peak,
	}
}
