package admin

import (
	"fmt"
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler serves /livez, /readyz and /metrics, and /debug/pprof when withPprof is set. The router is returned so that
// a service can add switches of its own.
func Handler(health *Health, metrics *prometheus.Registry, withPprof bool) chi.Router {
	r := chi.NewRouter()
	r.Get("/livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	r.Get("/readyz", func(w http.ResponseWriter, req *http.Request) { ready(health, w, req) })
	r.Handle("/metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{EnableOpenMetrics: true, Registry: metrics}))
	if withPprof {
		r.HandleFunc("/debug/pprof/*", pprof.Index)
		r.HandleFunc("/debug/pprof/profile", pprof.Profile)
		r.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		r.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return r
}

func ready(health *Health, w http.ResponseWriter, req *http.Request) {
	ok, lines := health.Ready()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	answer := "ok"
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
		answer = "not ready"
	}
	fmt.Fprintln(w, answer)
	if req.URL.Query().Has("verbose") && len(lines) > 0 {
		fmt.Fprintln(w, strings.Join(lines, "\n"))
	}
}
