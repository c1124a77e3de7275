package http_test

import (
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openorder/openorder/services/internal/api/apitest"
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/service"
	"github.com/openorder/openorder/services/inventory"
	api "github.com/openorder/openorder/services/inventory/http"
	"github.com/openorder/openorder/services/inventory/sqlite"
	"github.com/openorder/openorder/services/inventory/storetest"
)

func TestEveryAnswerIsDocumentedAndEveryDocumentedAnswerIsGiven(t *testing.T) {
	t.Parallel()
	store, handler := server(t)
	contract := apitest.Of(t, handler)
	hold := func(shelves inventory.Shelves) http.Handler {
		return contract.Hold(api.NewHandler(shelves, slog.New(slog.DiscardHandler), service.Instrument(prometheus.NewRegistry())))
	}
	db := storetest.Open(t, "sqlite:"+filepath.Join(t.TempDir(), "inventory.db"))
	db.Close()
	healthy, unreachable, broken := hold(store), hold(sqlite.New(db.SQLite)), hold(nil)

	stock, adjust := "/api/stock/A", "/api/stock/A/adjustments"
	for _, r := range []request{
		get(stock), put(stock, `{"onHand":10}`), put(stock, `{"onHand":9}`), get(stock),
		put(stock, `{"onHand":9}`, "If-Match", `"none"`), put(stock, `{}`),
		post("/api/stock/B/adjustments", `{"delta":1,"reason":"found"}`), post(adjust, `{"delta":1,"reason":"found"}`),
		post(adjust, `{"delta":-100,"reason":"lost"}`), post(adjust, `{}`),
		get("/api/stock"), get("/api/stock?limit=0"), get("/api/stock/%00"),
		get(stock + "/movements"), get(stock + "/movements?limit=0"),
	} {
		ask(t, healthy, r)
	}
	for _, r := range []request{put(stock, ""), post(adjust, "")} {
		for _, body := range []string{"{", strings.Repeat(" ", 20<<10)} {
			ask(t, healthy, request{r.method, r.path, body, nil})
		}
		ask(t, healthy, request{r.method, r.path, "{}", []string{"Content-Type", "text/plain"}})
		apitest.Slow(t, healthy, r.method, r.path)
	}
	reserve(t, store, 1, event.Item{SKU: "A", Qty: 3})
	reserve(t, store, 2, event.Item{SKU: "A", Qty: 300}, event.Item{SKU: "no such", Qty: 1})
	for _, path := range []string{"/api/reservations/1", "/api/reservations/2", "/api/reservations/3", "/api/reservations/x"} {
		ask(t, healthy, get(path))
	}
	ask(t, healthy, put(stock, `{"onHand":1}`))
	for _, handler := range []http.Handler{unreachable, broken} {
		for _, r := range []request{
			get(stock), get("/api/stock"), get(stock + "/movements"), get("/api/reservations/1"),
			put(stock, `{"onHand":10}`), post(adjust, `{"delta":1,"reason":"found"}`),
		} {
			ask(t, handler, r)
		}
	}
	contract.AllSeen()
}

func TestHostileRequests(t *testing.T) {
	t.Parallel()
	_, handler := server(t)
	apitest.Hostile(t, handler, "PUT", "/api/stock/A", `{"onHand":1}`)
}

func TestErrorsNameTheExactPlace(t *testing.T) {
	t.Parallel()
	_, handler := server(t)
	for name, test := range map[string]struct {
		request request
		place   string
	}{
		"nothing":          {put("/api/stock/A", `{}`), "body.onHand"},
		"a wrong type":     {put("/api/stock/A", `{"onHand":"1"}`), "body.onHand"},
		"half a piece":     {put("/api/stock/A", `{"onHand":1.5}`), "body.onHand"},
		"too many":         {put("/api/stock/A", `{"onHand":1e300}`), "body.onHand"},
		"in other case":    {put("/api/stock/A", `{"onHand":1,"onhand":2}`), "body.onhand"},
		"an unknown field": {put("/api/stock/A", `{"onHand":1,"price":2}`), "body.price"},
		"no reason":        {post("/api/stock/A/adjustments", `{"delta":1}`), "body.reason"},
		"NUL in a reason":  {post("/api/stock/A/adjustments", `{"delta":1,"reason":"a\u0000b"}`), "body.reason"},
		"NUL in a sku":     {get("/api/stock/%00"), "path.sku"},
		"a sku no UTF-8":   {get("/api/stock/%ff"), "path.sku"},
		"an odd parameter": {get("/api/stock?colour=red"), "query.colour"},
		"an odd key":       {post("/api/stock/A/adjustments", `{"delta":1,"reason":"x"}`, "Idempotency-Key", `"unclosed`), "header.Idempotency-Key"},
	} {
		t.Run(name, func(t *testing.T) {
			answer := ask(t, handler, test.request)
			if answer.Code != 422 || !strings.Contains(answer.Body.String(), `"location":"`+test.place+`"`) {
				t.Errorf("want 422 at %s, got %d %s", test.place, answer.Code, answer.Body)
			}
		})
	}
}

func TestAMethodThatAPathDoesNotTakeIsAnsweredWithThoseItDoes(t *testing.T) {
	t.Parallel()
	_, handler := server(t)
	for path, methods := range map[string]string{
		"/api/stock": "GET", "/api/stock/a%2Fb": "GET PUT", "/api/stock/A/adjustments": "POST", "/api/reservations/1": "GET",
	} {
		answer := ask(t, handler, request{method: "DELETE", path: path})
		if got := strings.Join(answer.Header()["Allow"], " "); answer.Code != 405 || got != methods {
			t.Errorf("%s: %d, Allow %q, want %q", path, answer.Code, got, methods)
		}
	}
}
