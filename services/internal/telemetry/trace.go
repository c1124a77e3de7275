package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// NewExporter makes what sends spans. nil stands for a binary that cannot: it says so where an endpoint is named.
type NewExporter func(ctx context.Context) (sdktrace.SpanExporter, error)

// StartTracing sends spans when OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is
// set, configured by OpenTelemetry's own variables; otherwise nothing is loaded and spans cost next to nothing.
// shutdown sends what is left, for as long as its context allows.
//
// A collector that cannot be reached holds nobody up: spans are dropped, and it is logged once a minute at most.
func StartTracing(ctx context.Context, serviceName string, newExporter NewExporter, log *slog.Logger) (shutdown func(context.Context) error, err error) {
	if !tracingWanted() {
		return func(context.Context) error { return nil }, nil
	}
	if newExporter == nil {
		log.Warn("no traces are sent: the all-in-one cannot, the services' own binaries can")
		return func(context.Context) error { return nil }, nil
	}
	exporter, err := newExporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("start tracing: %w", err)
	}
	// From the environment last, so that OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
	attributes, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", serviceName)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("start tracing: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(attributes))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	otel.SetErrorHandler(&errorLog{log: log})
	return provider.Shutdown, nil
}

func tracingWanted() bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// errorLog logs what the SDK reports, which is the same every few seconds while a collector is away.
type errorLog struct {
	log  *slog.Logger
	mu   sync.Mutex
	last time.Time
}

// Handle implements otel.ErrorHandler.
func (l *errorLog) Handle(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.last) < time.Minute {
		return
	}
	l.last = time.Now()
	l.log.Warn("traces are not delivered", "error", err)
}
