package telemetry_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"

	"github.com/openorder/openorder/services/internal/telemetry"
)

func TestALineCarriesTheTraceOfItsContext(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.LogConfig{Level: "info", Format: "auto"}.Logger(&out).With("service", "order")
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	log.InfoContext(trace.ContextWithSpanContext(t.Context(), span), "dead-lettered", "order_id", 7)
	log.DebugContext(t.Context(), "not shown")

	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "time")
	want := map[string]any{
		"level": "INFO", "msg": "dead-lettered", "service": "order", "order_id": 7.0,
		"trace_id": "01000000000000000000000000000000", "span_id": "0200000000000000",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the line (-want +got):\n%s", diff)
	}
}

func TestALineOutsideATraceIsPlain(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	telemetry.LogConfig{Level: "debug", Format: "text"}.Logger(&out).Debug("polled")
	if !strings.Contains(out.String(), "level=DEBUG msg=polled\n") {
		t.Errorf("got %s", out.String())
	}
}

func TestWrongLogSettingsAreRefusedAllAtOnce(t *testing.T) {
	t.Parallel()
	err := telemetry.LogConfig{Level: "loud", Format: "xml"}.Validate()
	if err == nil || !strings.Contains(err.Error(), "--log-level") || !strings.Contains(err.Error(), "--log-format") {
		t.Errorf("got %v", err)
	}
}
