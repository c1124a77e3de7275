package app

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openorder/openorder/services/internal/service"
	"github.com/openorder/openorder/services/inventory"
)

const (
	shownSKUs  = 100 // the first ones have series of their own; the totals count all
	stockEvery = 10 * time.Second
)

var (
	skusDesc    = prometheus.NewDesc("openorder_inventory_skus", "Skus that have stock, be it 0.", nil, nil)
	soldOutDesc = prometheus.NewDesc("openorder_inventory_sold_out_skus", "Skus with nothing available.", nil, nil)
	unitsDesc   = prometheus.NewDesc("openorder_inventory_units", "Units of all skus, by state: on_hand, reserved, available.", []string{"state"}, nil)
	bySKUDesc   = prometheus.NewDesc("openorder_inventory_sku_units", "Units of a sku, by state: on_hand, reserved, available. Of the first 100 skus only.", []string{"sku", "state"}, nil)
)

// watchStock reads what stockMetrics shows, so that no scrape waits for the database.
func watchStock(shelves inventory.Shelves, base *service.Base) service.Task {
	shown := &stockMetrics{}
	base.Metrics.MustRegister(shown)
	report := reporter(base, "stock metrics")
	return service.Every(stockEvery, func(ctx context.Context) {
		totals, err := shelves.Totals(ctx)
		if err != nil {
			report(err)
			return
		}
		first, err := shelves.ListStock(ctx, "", shownSKUs)
		if err == nil {
			shown.set(totals, first)
		}
		report(err)
	})
}

// stockMetrics are the shelves as they were a moment ago. Nothing is shown before the first look.
type stockMetrics struct {
	mu     sync.Mutex
	seen   bool
	totals inventory.Totals
	first  []inventory.Stock
}

func (m *stockMetrics) set(totals inventory.Totals, first []inventory.Stock) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen, m.totals, m.first = true, totals, first
}

// Describe implements prometheus.Collector.
func (m *stockMetrics) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{skusDesc, soldOutDesc, unitsDesc, bySKUDesc} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (m *stockMetrics) Collect(metrics chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.seen {
		return
	}
	gauge := func(desc *prometheus.Desc, value int64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(value), labels...)
	}
	states := func(desc *prometheus.Desc, onHand, reserved int64, labels ...string) {
		for state, units := range map[string]int64{"on_hand": onHand, "reserved": reserved, "available": onHand - reserved} {
			gauge(desc, units, append(labels, state)...)
		}
	}
	gauge(skusDesc, m.totals.SKUs)
	gauge(soldOutDesc, m.totals.SoldOut)
	states(unitsDesc, m.totals.OnHand, m.totals.Reserved)
	for _, s := range m.first {
		states(bySKUDesc, s.OnHand, s.Reserved, s.SKU)
	}
}
