package event_test

import (
	"log/slog"
	"testing"

	"github.com/openorder/openorder/services/internal/event"
)

func TestATraceIDIsReadFromTraceContext(t *testing.T) {
	t.Parallel()
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	for traceParent, want := range map[string]slog.Attr{
		"00-" + id + "-00f067aa0ba902b7-01":          slog.String("trace_id", id),
		"01-" + id + "-00f067aa0ba902b7-01-whatever": slog.String("trace_id", id), // a later version may have more
		"00-4bf9-00f067aa0ba902b7-01":                {},
		"what is that":                               {},
		"":                                           {},
	} {
		if got := event.TraceID(traceParent); !got.Equal(want) {
			t.Errorf("%q: %v, want %v", traceParent, got, want)
		}
	}
}
