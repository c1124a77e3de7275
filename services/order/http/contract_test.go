package http_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openorder/openorder/services/internal/api/apitest"
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/service"
	"github.com/openorder/openorder/services/order"
	orderhttp "github.com/openorder/openorder/services/order/http"
	"github.com/openorder/openorder/services/order/storetest"
)

// stuck is a store that takes no orders until it is let go.
type stuck struct {
	order.Store
	insert chan struct{}
}

func (s stuck) Insert(ctx context.Context, group []order.Placement, lease time.Duration) (map[[32]byte]order.Owner, error) {
	select {
	case <-s.insert:
		return s.Store.Insert(ctx, group, lease)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// gone is a store whose database is away.
type gone struct{ order.Store }

var errGone = errors.New("the database is away")

func (gone) ClaimIDs(context.Context, int64) (int64, error) { return 0, errGone }
func (gone) Find(context.Context, []int64) ([]order.Order, error) {
	return nil, errGone
}
func (gone) List(context.Context, order.Query) ([]order.Order, error) { return nil, errGone }

// ask sends a request straight to a handler.
func ask(t *testing.T, handler http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, r)
	return answer
}

func TestEveryAnswerIsDocumentedAndEveryDocumentedAnswerIsGiven(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	store, _ := storetest.SQLite(t)
	waiting := stuck{store, make(chan struct{})}
	r, blocked, away := serve(t, store), serve(t, waiting), serveFor(t, gone{store}, time.Millisecond)
	contract := apitest.Of(t, orderhttp.NewHandler(r.orders, log))
	hold := func(orders *order.Service) http.Handler {
		return contract.Hold(orderhttp.NewHandler(orders, log, service.Instrument(prometheus.NewRegistry())))
	}
	healthy, slow, unreachable, broken := hold(r.orders), hold(blocked.orders), hold(away.orders), hold(nil)

	for _, body := range []string{valid, `{`, `{}`, strings.Repeat(" ", order.MaxBody+1)} {
		ask(t, healthy, "POST", "/api/orders", body)
	}
	ask(t, healthy, "POST", "/api/orders", valid, "Content-Type", "text/plain")
	apitest.Slow(t, healthy, "POST", "/api/orders")
	codes := make(chan int, 2)
	for range 2 { // one is in flight until the store is let go, whichever it is, and the other is refused
		go func() { codes <- ask(t, slow, "POST", "/api/orders", valid, "Idempotency-Key", "k").Code }()
	}
	if code := <-codes; code != http.StatusConflict {
		t.Errorf("the second of two with one key: %d", code)
	}
	close(waiting.insert)
	<-codes

	id := r.place(t)
	path := "/api/orders/" + strconv.FormatInt(id, 10)
	ask(t, healthy, "GET", "/api/orders", "")
	ask(t, healthy, "GET", "/api/orders?limit=0", "")
	for _, path := range []string{path, "/api/orders/1", "/api/orders/x"} {
		ask(t, healthy, "GET", path, "")
	}
	r.report(t, id, order.WasReserved, event.GroupInventory)
	for _, path := range []string{path, "/api/orders/1", "/api/orders/x"} {
		ask(t, healthy, "GET", path+"/events", "")
	}
	ask(t, healthy, "GET", path+"/events", "", "Last-Event-ID", "2")
	for _, handler := range []http.Handler{unreachable, broken} {
		ask(t, handler, "POST", "/api/orders", valid)
		for _, path := range []string{"/api/orders", path, path + "/events"} {
			ask(t, handler, "GET", path, "")
		}
	}
	contract.AllSeen()
}

func TestHostileRequests(t *testing.T) {
	t.Parallel()
	r := setup(t)
	apitest.Hostile(t, orderhttp.NewHandler(r.orders, slog.New(slog.DiscardHandler)), "POST", "/api/orders", valid)
}

func TestABodyOfTheLargestSizeIsTaken(t *testing.T) {
	t.Parallel()
	r := setup(t)
	body := valid + strings.Repeat(" ", order.MaxBody-len(valid))
	if a := r.call(t, "POST", "/api/orders", body); a.status != http.StatusAccepted {
		t.Errorf("%d bytes: %d %s", len(body), a.status, a.body)
	}
	r.call(t, "POST", "/api/orders", body+" ").problem(t, http.StatusRequestEntityTooLarge)
}

// A client that goes away in the middle of its request is no trouble of ours.
func TestABodyThatBreaksOffIsTheClientsError(t *testing.T) {
	t.Parallel()
	r := setup(t)
	handler := orderhttp.NewHandler(r.orders, slog.New(slog.DiscardHandler))
	request := httptest.NewRequestWithContext(t.Context(), "POST", "/api/orders", io.MultiReader(strings.NewReader(valid), brokenReader{}))
	request.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	if answer.Code != http.StatusBadRequest {
		t.Errorf("%d: %s", answer.Code, answer.Body)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
