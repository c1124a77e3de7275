package http_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openorder/openorder/services/order"
	orderhttp "github.com/openorder/openorder/services/order/http"
)

// memory is as much of a store as placing needs.
type memory struct{ order.Store }

func (memory) ClaimIDs(context.Context, int64) (int64, error) { return order.FirstID(time.Now()), nil }

func (memory) Insert(context.Context, []order.Placement, time.Duration) (map[[32]byte]order.Owner, error) {
	return nil, nil
}

func fuzzHandler(f *testing.F) func(t *testing.T, body, key string) {
	orders := order.New(order.Config{
		Store: memory{}, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
		Publish: func(_ context.Context, orders []order.Order) []error { return nil },
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- orders.Tasks()[0](ctx) }() // the one that commits
	f.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			f.Error(err)
		}
	})
	handler := orderhttp.NewHandler(orders, slog.New(slog.DiscardHandler))
	return func(t *testing.T, body, key string) {
		request := httptest.NewRequest("POST", "/api/orders", strings.NewReader(body))
		request.Header["Idempotency-Key"] = []string{key}
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, request)
		if response.Code != 202 && (response.Code < 400 || response.Code >= 500 || response.Header().Get("Content-Type") != "application/problem+json") {
			t.Fatalf("%d: %s", response.Code, response.Body)
		}
	}
}
