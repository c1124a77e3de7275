package event_test

import (
	"testing"

	"github.com/openorder/openorder/services/internal/event"
)

func TestATraceIDIsReadFromTraceContext(t *testing.T) {
	t.Parallel()
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	for traceParent, want := range map[string]string{
		"00-" + id + "-00f067aa0ba902b7-01":          id,
		"01-" + id + "-00f067aa0ba902b7-01-whatever": id, // a later version may have more
		"00-4bf9-00f067aa0ba902b7-01":                "",
		"what is that":                               "",
		"":                                           "",
	} {
		if got := event.TraceID(traceParent); got != want {
			t.Errorf("%q: %q, want %q", traceParent, got, want)
		}
	}
}
