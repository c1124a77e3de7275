package telemetry_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace/noop"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/openorder/openorder/services/internal/telemetry"
	"github.com/openorder/openorder/services/internal/telemetry/otlp"
)

// receiver is an OTLP collector that keeps what it is sent.
func receiver(t *testing.T) (url string, received <-chan *collector.ExportTraceServiceRequest) {
	t.Helper()
	requests := make(chan *collector.ExportTraceServiceRequest, 16)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &request)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		requests <- &request
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

// restore puts back what StartTracing sets for the whole process.
func restore(t *testing.T) {
	t.Cleanup(func() {
		otel.SetTracerProvider(noop.NewTracerProvider())
		otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator())
	})
}

func TestSpansAreSentUnderTheServicesName(t *testing.T) {
	url, received := receiver(t)
	restore(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
	shutdown, err := telemetry.StartTracing(t.Context(), "order", otlp.New, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, span := otel.Tracer("test").Start(t.Context(), "POST /api/orders")
	span.End()
	if err := shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent := (<-received).ResourceSpans[0]
	var names []string
	for _, attribute := range sent.Resource.Attributes {
		if attribute.Key == "service.name" {
			names = append(names, attribute.Value.GetStringValue())
		}
	}
	if !slices.Equal(names, []string{"order"}) {
		t.Errorf("want service.name order, got %v", names)
	}
	if name := sent.ScopeSpans[0].Spans[0].Name; name != "POST /api/orders" {
		t.Errorf("got span %q", name)
	}
}

func TestNothingIsLoadedWithoutAnEndpoint(t *testing.T) {
	for reason, env := range map[string]map[string]string{
		"no endpoint":           {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
		"the SDK is disabled":   {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
		"disabled in capitals":  {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "True"},
		"traces are turned off": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
	} {
		t.Run(reason, func(t *testing.T) {
			restore(t)
			for name, value := range env {
				t.Setenv(name, value)
			}
			shutdown, err := telemetry.StartTracing(t.Context(), "order", otlp.New, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, span := otel.Tracer("test").Start(t.Context(), "POST /api/orders")
			if span.IsRecording() {
				t.Error("spans are recorded")
			}
			if err := shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestACollectorThatIsAwayIsLoggedOnceAndHoldsNobodyUp(t *testing.T) {
	restore(t)
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1/v1/traces")
	var log bytes.Buffer
	shutdown, err := telemetry.StartTracing(t.Context(), "order", otlp.New, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	_, span := otel.Tracer("test").Start(t.Context(), "POST /api/orders")
	span.End()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_ = shutdown(ctx)
	for range 3 {
		otel.Handle(context.DeadlineExceeded)
	}
	if lines := strings.Count(log.String(), "traces are not delivered"); lines != 1 {
		t.Errorf("want one line, got %d:\n%s", lines, log.String())
	}
}
