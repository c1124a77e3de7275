package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/inventory"
	"github.com/openorder/openorder/services/inventory/postgres"
	"github.com/openorder/openorder/services/inventory/storetest"
)

// BenchmarkReserve is the store alone: orders a second by batch size, number of skus, and number of processes that
// write batches over the same rows.
func BenchmarkReserve(b *testing.B) {
	for _, processes := range []int{1, 2} {
		for _, skus := range []int{1000, 1} {
			for _, size := range []int{500, 1000, 4000} {
				b.Run(fmt.Sprintf("processes=%d/skus=%d/batch=%d", processes, skus, size), func(b *testing.B) {
					benchmarkReserve(b, processes, skus, size)
				})
			}
		}
	}
}

func benchmarkReserve(b *testing.B, processes, skus, size int) {
	url := testenv.PostgreSQL(b)
	pool := storetest.Open(b, url).PostgreSQL
	if _, err := pool.Exec(b.Context(), `INSERT INTO stock SELECT 'SKU-' || lpad(n::text, 4, '0'), 1000000000, 0, 1 FROM generate_series(0, $1 - 1) n`, skus); err != nil {
		b.Fatal(err)
	}
	stores := make([]*postgres.Store, processes)
	for i := range stores {
		stores[i] = postgres.New(storetest.Open(b, url).PostgreSQL)
	}
	var next atomic.Int64
	base := time.Now().UnixMicro()
	batch := func() []inventory.Order {
		orders := make([]inventory.Order, size)
		from := base + next.Add(int64(size))
		for i := range orders {
			orders[i] = storetest.NewOrder(b, from+int64(i), event.Item{SKU: fmt.Sprintf("SKU-%04d", (int(from)*7919+i*31)%skus), Qty: 1})
		}
		return orders
	}
	batches := make(chan []inventory.Order, b.N)
	for range b.N {
		batches <- batch()
	}
	close(batches)
	b.ResetTimer()
	var writers sync.WaitGroup
	for _, store := range stores {
		writers.Go(func() {
			for orders := range batches {
				if _, err := store.Reserve(context.Background(), orders, inventory.Rules{At: time.Now()}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	writers.Wait()
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "orders/s")
}
