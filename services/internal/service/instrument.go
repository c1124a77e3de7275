package service

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const tracerName = "github.com/openorder/openorder/services/internal/service"

// Instrument is a chi middleware that counts, times and traces requests by route, and answers a handler's panic with 500.
// A caller's trace context goes on, whether this process traces or not.
func Instrument(reg prometheus.Registerer) func(http.Handler) http.Handler {
	m := newRequestMetrics(reg)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			began := time.Now()
			m.inFlight.Inc()
			defer m.inFlight.Dec()
			ctx, span := startSpan(r)
			wrapped := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
			r = r.WithContext(ctx)
			defer func() {
				cut := m.answerPanic(wrapped, r, recover())
				m.observe(r, span, statusOf(wrapped), time.Since(began))
				if cut {
					panic(http.ErrAbortHandler) // half an answer is out already: let the client notice
				}
			}()
			next.ServeHTTP(wrapped, r)
		})
	}
}

type requestMetrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	panics   prometheus.Counter
}

func newRequestMetrics(reg prometheus.Registerer) *requestMetrics {
	labels := []string{"method", "route", "status"}
	m := &requestMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Requests answered, by method, route pattern and status.",
		}, labels),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "Time from a request's header to the end of its answer; for a stream, how long it lasted.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, labels),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "http_requests_in_flight", Help: "Requests being answered, streams among them.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "http_panics_total", Help: "Requests whose handler panicked.",
		}),
	}
	reg.MustRegister(m.requests, m.duration, m.inFlight, m.panics)
	return m
}

// answerPanic reports a panic, and tells whether its answer has to be cut off.
func (m *requestMetrics) answerPanic(w middleware.WrapResponseWriter, r *http.Request, cause any) (cut bool) {
	if cause == nil {
		return false
	}
	if cause == http.ErrAbortHandler {
		return true
	}
	m.panics.Inc()
	logOf(r.Context()).ErrorContext(r.Context(), "a handler panicked", "method", r.Method, "route", routeOf(r), "panic", cause, "stack", string(debug.Stack()))
	if w.Status() != 0 {
		return true
	}
	problem(w, http.StatusInternalServerError, "This is a defect of the service; it has been logged.")
	return false
}

func (m *requestMetrics) observe(r *http.Request, span trace.Span, status int, took time.Duration) {
	method, route := methodOf(r), routeOf(r)
	values := []string{method, route, strconv.Itoa(status)}
	m.requests.WithLabelValues(values...).Inc()
	m.duration.WithLabelValues(values...).Observe(took.Seconds())
	if span.IsRecording() {
		span.SetName(method + " " + route)
		span.SetAttributes(attribute.String("http.route", route), attribute.Int("http.response.status_code", status))
		if status >= 500 {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
	}
	span.End()
}

func startSpan(r *http.Request) (context.Context, trace.Span) {
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	return otel.Tracer(tracerName).Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", r.Method), attribute.String("url.path", r.URL.Path)))
}

func statusOf(w middleware.WrapResponseWriter) int {
	if status := w.Status(); status != 0 {
		return status
	}
	return http.StatusOK
}

// routeOf is the route's pattern. A path that none matches would make label values without bound.
func routeOf(r *http.Request) string {
	if routes := chi.RouteContext(r.Context()); routes != nil && routes.RoutePattern() != "" {
		return routes.RoutePattern()
	}
	return "unmatched"
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

func methodOf(r *http.Request) string {
	if slices.Contains(methods, r.Method) {
		return r.Method
	}
	return "other"
}

func logOf(ctx context.Context) *slog.Logger {
	if log, ok := ctx.Value(logKey{}).(*slog.Logger); ok {
		return log
	}
	return slog.Default()
}
