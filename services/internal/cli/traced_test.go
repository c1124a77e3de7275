package cli_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/openorder/openorder/services/internal/cli"
)

// silent is a collector that takes connections and answers nothing.
type silent struct{ sdktrace.SpanExporter }

func (silent) ExportSpans(ctx context.Context, _ []sdktrace.ReadOnlySpan) error {
	<-ctx.Done()
	return ctx.Err()
}

func (silent) Shutdown(context.Context) error { return nil }

func TestTheLastTracesAreTriedForFiveSeconds(t *testing.T) {
	before := otel.GetTracerProvider()
	t.Cleanup(func() { otel.SetTracerProvider(before) })
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		newExporter := func(context.Context) (sdktrace.SpanExporter, error) { return silent{}, nil }
		err := cli.Traced(t.Context(), "order", newExporter, slog.New(slog.DiscardHandler), func(ctx context.Context, _ *slog.Logger) error {
			_, span := otel.Tracer("test").Start(ctx, "POST /api/orders")
			span.End()
			return nil
		})
		if took := time.Since(began); err != nil || took != 5*time.Second {
			t.Errorf("ended after %s: %v", took, err)
		}
		time.Sleep(time.Minute) // in which the SDK gives up what it was left with
	})
}
