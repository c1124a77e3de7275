package app

import (
	"context"
	"errors"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/openorder/openorder/services/notification"
)

type failing struct{}

func (failing) Ready() error { return nil }
func (failing) Send(_ context.Context, batch []notification.Notification) []notification.Result {
	results := make([]notification.Result, len(batch))
	results[len(batch)-1].Err = errors.New("503")
	return results
}

func TestAnAttemptBelongsToTheTraceOfItsOrder(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)))
	defer otel.SetTracerProvider(before)

	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	traced{"log", failing{}}.Send(t.Context(), []notification.Notification{
		{ID: notification.ID{OrderID: 1}, TraceParent: "00-" + trace + "-00f067aa0ba902b7-01"}, {ID: notification.ID{OrderID: 2}},
	})
	spans := recorder.Ended()
	if len(spans) != 2 {
		t.Fatalf("%d spans", len(spans))
	}
	if got := spans[0].SpanContext().TraceID().String(); got != trace || spans[0].Status().Code == codes.Error {
		t.Errorf("trace %s, %v", got, spans[0].Status())
	}
	if spans[1].Status().Code != codes.Error {
		t.Errorf("a failed attempt's span is %v", spans[1].Status())
	}
}
