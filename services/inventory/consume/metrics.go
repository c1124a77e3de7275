package consume

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openorder/openorder/services/inventory"
)

type metrics struct {
	transaction prometheus.Histogram
	outcomes    map[string]prometheus.Counter
}

// What can become of a record, as the label has it.
const (
	reserved   = "reserved"
	outOfStock = "out_of_stock"
	unknownSKU = "unknown_sku"
	repeated   = "repeated"
	conflict   = "conflict"
	failSKU    = "fail_sku"
	unreadable = "unreadable"
)

func newMetrics(reg prometheus.Registerer) *metrics {
	orders := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "openorder_inventory_orders_total",
		Help: "Order records by what became of them: decided now (reserved, out_of_stock, unknown_sku), decided before and told again (repeated), or failed (conflict, fail_sku, unreadable; each attempt counts).",
	}, []string{"outcome"})
	m := &metrics{
		transaction: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "openorder_inventory_transaction_seconds",
			Help:    "Time of a batch's transaction, waits for locks and failures included.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}),
		outcomes: map[string]prometheus.Counter{},
	}
	for _, outcome := range []string{reserved, outOfStock, unknownSKU, repeated, conflict, failSKU, unreadable} {
		m.outcomes[outcome] = orders.WithLabelValues(outcome)
	}
	reg.MustRegister(orders, m.transaction)
	return m
}

// count counts a batch that is committed.
func (m *metrics) count(batch int, decided []inventory.Result) {
	counts := map[string]int{unreadable: batch - len(decided)}
	for _, d := range decided {
		counts[became(d)]++
	}
	for outcome, n := range counts {
		m.outcomes[outcome].Add(float64(n))
	}
}

func became(d inventory.Result) string {
	switch {
	case errors.Is(d.Err, inventory.ErrConflict):
		return conflict
	case d.Err != nil:
		return failSKU
	case !d.New:
		return repeated
	case d.Outcome.Reason == inventory.OutOfStock:
		return outOfStock
	case d.Outcome.Reason == inventory.UnknownSKU:
		return unknownSKU
	default:
		return reserved
	}
}
