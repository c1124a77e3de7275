package http_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openorder/openorder/services/internal/service"
	"github.com/openorder/openorder/services/order"
	orderhttp "github.com/openorder/openorder/services/order/http"
	"github.com/openorder/openorder/services/order/storetest"
)

// replica is one instance of the API.
type replica struct {
	url      string
	orders   *order.Service
	draining chan struct{}
}

// setup is an API on a new SQLite file.
func setup(t *testing.T) *replica {
	t.Helper()
	store, _ := storetest.SQLite(t)
	return serve(t, store)
}

func serve(t *testing.T, store order.Store) *replica {
	t.Helper()
	return serveFor(t, store, time.Minute)
}

// serveFor waits for the store no longer than it may.
func serveFor(t *testing.T, store order.Store, patience time.Duration) *replica {
	t.Helper()
	metrics := prometheus.NewRegistry()
	r := &replica{draining: make(chan struct{})}
	r.orders = order.New(order.Config{
		Store: store, Log: slog.New(slog.DiscardHandler), Metrics: metrics,
		Publish: func(_ context.Context, orders []order.Order) []error { return make([]error, len(orders)) },
		Timing:  order.Timing{Place: patience, Watch: 10 * time.Millisecond},
	})
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	for _, task := range r.orders.Tasks() {
		tasks.Go(func() { _ = task(ctx) })
	}
	withDraining := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			next.ServeHTTP(w, req.WithContext(service.WithDraining(req.Context(), r.draining)))
		})
	}
	server := httptest.NewServer(orderhttp.NewHandler(r.orders, slog.New(slog.DiscardHandler), service.Instrument(metrics), withDraining))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close(); cancel(); tasks.Wait() })
	r.url = server.URL
	return r
}

// answer is a response, read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) decode(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal(a.body, into); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
}

// problem checks that an answer is RFC 9457's, and returns the places it names.
func (a answer) problem(t *testing.T, status int) []string {
	t.Helper()
	if a.status != status || a.header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%d %s: %s", a.status, a.header.Get("Content-Type"), a.body)
	}
	var p struct {
		Title  string
		Status int
		Detail string
		Errors []struct{ Location string }
	}
	a.decode(t, &p)
	if p.Status != status || p.Title == "" || p.Detail == "" {
		t.Fatalf("no problem document: %s", a.body)
	}
	var places []string
	for _, e := range p.Errors {
		places = append(places, e.Location)
	}
	return places
}

func (r *replica) call(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, text}
}

const valid = `{"userId":42,"items":[{"sku":"ABC-001","qty":2}]}`

// place places the valid order.
func (r *replica) place(t *testing.T) int64 {
	t.Helper()
	a := r.call(t, "POST", "/api/orders", valid)
	if a.status != http.StatusAccepted {
		t.Fatalf("%d: %s", a.status, a.body)
	}
	var placed struct{ OrderID int64 }
	a.decode(t, &placed)
	return placed.OrderID
}

func (r *replica) report(t *testing.T, id int64, kind order.Kind, group string) {
	t.Helper()
	o, found, err := r.orders.Get(t.Context(), id)
	if err != nil || !found {
		t.Fatal(found, err)
	}
	_, err = r.orders.Report(t.Context(), []order.Report{{
		OrderID: id, EventID: o.EventID.String(), Kind: kind, Group: group, Reason: "a reason", At: time.Unix(1_800_000_000, 0), Cause: string(kind),
	}})
	if err != nil {
		t.Fatal(err)
	}
}
