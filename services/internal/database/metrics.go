package database

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Register shows the connections and the waits for them.
func (db *DB) Register(reg prometheus.Registerer) {
	if db.PostgreSQL != nil {
		reg.MustRegister(poolCollector{db.PostgreSQL})
	}
	if db.SQLite != nil {
		reg.MustRegister(collectors.NewDBStatsCollector(db.SQLite.Write, "write"), collectors.NewDBStatsCollector(db.SQLite.Read, "read"))
	}
}

var (
	poolConnections = prometheus.NewDesc("postgresql_pool_connections", "Connections of the pool, by state: acquired, idle or constructing.", []string{"state"}, nil)
	poolMax         = prometheus.NewDesc("postgresql_pool_connections_max", "The most connections that the pool may have.", nil, nil)
	poolOpened      = prometheus.NewDesc("postgresql_pool_connections_opened_total", "Connections opened.", nil, nil)
	poolAcquires    = prometheus.NewDesc("postgresql_pool_acquires_total", "Connections taken from the pool.", nil, nil)
	poolWaits       = prometheus.NewDesc("postgresql_pool_acquire_waits_total", "Connections taken from the pool that had to be waited for.", nil, nil)
	poolWaited      = prometheus.NewDesc("postgresql_pool_acquire_wait_seconds_total", "Time spent waiting for connections because none was idle.", nil, nil)
	poolGivenUp     = prometheus.NewDesc("postgresql_pool_acquires_canceled_total", "Waits for a connection that were given up.", nil, nil)
)

type poolCollector struct{ pool *pgxpool.Pool }

func (c poolCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

func (c poolCollector) Collect(ch chan<- prometheus.Metric) {
	stat := c.pool.Stat()
	gauge := func(desc *prometheus.Desc, value int32, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(value), labels...)
	}
	counter := func(desc *prometheus.Desc, value float64) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, value)
	}
	gauge(poolConnections, stat.AcquiredConns(), "acquired")
	gauge(poolConnections, stat.IdleConns(), "idle")
	gauge(poolConnections, stat.ConstructingConns(), "constructing")
	gauge(poolMax, stat.MaxConns())
	counter(poolOpened, float64(stat.NewConnsCount()))
	counter(poolAcquires, float64(stat.AcquireCount()))
	counter(poolWaits, float64(stat.EmptyAcquireCount()))
	counter(poolWaited, stat.EmptyAcquireWaitTime().Seconds())
	counter(poolGivenUp, float64(stat.CanceledAcquireCount()))
}
