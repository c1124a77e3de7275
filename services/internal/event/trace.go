package event

import "strings"

// TraceID is the trace's id in a W3C traceparent, 00-<trace id>-<span id>-<flags>; empty where it holds none.
func TraceID(traceParent string) string {
	parts := strings.Split(traceParent, "-")
	if len(parts) < 4 || len(parts[1]) != 32 {
		return ""
	}
	return parts[1]
}
