package service_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel/trace"

	"github.com/openorder/openorder/services/internal/service"
)

func instrumented(reg prometheus.Registerer) chi.Router {
	r := chi.NewRouter()
	r.Use(service.Instrument(reg))
	return r
}

func TestRequestsAreCountedByRouteAndStatus(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	r := instrumented(reg)
	r.Get("/orders/{id}", answer("an order").ServeHTTP)
	r.Post("/orders", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })

	for _, request := range []struct{ method, path string }{
		{"GET", "/orders/1"}, {"GET", "/orders/2"}, {"POST", "/orders"}, {"GET", "/nowhere/1"}, {"BREW", "/nowhere/2"},
	} {
		r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(request.method, request.path, nil))
	}
	err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP http_requests_total Requests answered, by method, route pattern and status.
# TYPE http_requests_total counter
http_requests_total{method="GET",route="/orders/{id}",status="200"} 2
http_requests_total{method="GET",route="unmatched",status="404"} 1
http_requests_total{method="POST",route="/orders",status="202"} 1
http_requests_total{method="other",route="unmatched",status="405"} 1
`), "http_requests_total")
	if err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("metrics lint: %v %v", problems, err)
	}
}

func TestAPanicIsAProblemWhileNothingIsSentAndCutsTheAnswerAfterwards(t *testing.T) {
	t.Parallel()
	r := instrumented(prometheus.NewRegistry())
	r.Get("/before", func(http.ResponseWriter, *http.Request) { panic("no such luck") })
	r.Get("/after", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.Repeat("x", 1<<20))
		panic("no such luck")
	})
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	s := &running{t: t}

	status, header, body := s.get(server.URL + "/before")
	if status != 500 || header.Get("Content-Type") != "application/problem+json" || strings.Contains(body, "luck") {
		t.Errorf("a panic before the answer: got %d %v %s", status, header, body)
	}
	resp, err := http.Get(server.URL + "/after")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Errorf("a panic within the answer: it looks complete after %d bytes", n)
	}
}

func TestACallersTraceGoesOnWhenThisProcessDoesNotTrace(t *testing.T) {
	t.Parallel()
	r := instrumented(prometheus.NewRegistry())
	var got string
	r.Get("/", func(_ http.ResponseWriter, req *http.Request) {
		got = trace.SpanContextFromContext(req.Context()).TraceID().String()
	})
	req := httptest.NewRequest("GET", "/", nil)
	req.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	r.ServeHTTP(httptest.NewRecorder(), req)
	if got != "4bf92f3577b34da6a3ce929d0e0e4736" {
		t.Errorf("the handler sees trace %q", got)
	}
}

func TestStreamsCanFlushAndSetDeadlinesThroughTheMiddleware(t *testing.T) {
	t.Parallel()
	r := instrumented(prometheus.NewRegistry())
	r.Get("/", func(w http.ResponseWriter, _ *http.Request) {
		if _, ok := w.(http.Flusher); !ok {
			t.Error("no flusher")
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
	})
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	(&running{t: t}).get(server.URL)
}
