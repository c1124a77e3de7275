package event

import (
	"log/slog"
	"strings"
)

// TraceID is what a log line says of a W3C traceparent, 00-<trace id>-<span id>-<flags>: trace_id, or nothing where it holds
// none.
func TraceID(traceParent string) slog.Attr {
	parts := strings.Split(traceParent, "-")
	if len(parts) < 4 || len(parts[1]) != 32 {
		return slog.Attr{}
	}
	return slog.String("trace_id", parts[1])
}
