package http_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/inventory"
	api "github.com/openorder/openorder/services/inventory/http"
	"github.com/openorder/openorder/services/inventory/sqlite"
	"github.com/openorder/openorder/services/inventory/storetest"
)

// server is the API over a store of its own.
func server(t *testing.T) (inventory.Store, http.Handler) {
	store := storetest.SQLite(t)()
	return store, api.NewHandler(store, slog.New(slog.DiscardHandler))
}

// request is what is asked; headers are pairs.
type request struct {
	method, path, body string
	headers            []string
}

func ask(t *testing.T, handler http.Handler, r request) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), r.method, r.path, strings.NewReader(r.body))
	if r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(r.headers); i += 2 {
		req.Header.Set(r.headers[i], r.headers[i+1])
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, req)
	return answer
}

func want(t *testing.T, answer *httptest.ResponseRecorder, status int, body string) {
	t.Helper()
	if answer.Code != status {
		t.Fatalf("status %d, want %d: %s", answer.Code, status, answer.Body)
	}
	if body == "" {
		return
	}
	var got, expected any
	if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, answer.Body)
	}
	if err := json.Unmarshal([]byte(body), &expected); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

// frozen is a store on a server that keeps its connections and never answers.
type frozen struct{ inventory.Shelves }

func (frozen) ListStock(ctx context.Context, _ string, _ int) ([]inventory.Stock, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestADatabaseThatDoesNotAnswerIsNotWaitedForWithoutEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		answer := ask(t, api.NewHandler(frozen{}, slog.New(slog.DiscardHandler)), get("/api/stock"))
		if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") == "" || time.Since(began) > time.Minute {
			t.Errorf("after %s: %d %v", time.Since(began), answer.Code, answer.Header())
		}
	})
}

func put(path, body string, headers ...string) request {
	return request{http.MethodPut, path, body, headers}
}
func post(path, body string, headers ...string) request {
	return request{http.MethodPost, path, body, headers}
}
func get(path string, headers ...string) request { return request{http.MethodGet, path, "", headers} }

func reserve(t *testing.T, store inventory.Store, id int64, items ...event.Item) {
	t.Helper()
	at := inventory.Rules{At: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	if _, err := store.Reserve(t.Context(), []inventory.Order{storetest.NewOrder(t, id, items...)}, at); err != nil {
		t.Fatal(err)
	}
}

func TestStockIsSetAndRead(t *testing.T) {
	t.Parallel()
	store, handler := server(t)
	want(t, ask(t, handler, get("/api/stock/ABC-001")), 404, "")
	created := ask(t, handler, put("/api/stock/ABC-001", `{"onHand":100}`))
	want(t, created, 201, `{"sku":"ABC-001","onHand":100,"reserved":0,"available":100}`)
	reserve(t, store, 1, event.Item{SKU: "ABC-001", Qty: 30})

	read := ask(t, handler, get("/api/stock/ABC-001"))
	want(t, read, 200, `{"sku":"ABC-001","onHand":100,"reserved":30,"available":70}`)
	if read.Header().Get("ETag") != created.Header().Get("ETag") || read.Header().Get("ETag") == "" {
		t.Errorf("a reservation changed the ETag from %s to %s", created.Header().Get("ETag"), read.Header().Get("ETag"))
	}
	set := ask(t, handler, put("/api/stock/ABC-001", `{"onHand":50}`))
	want(t, set, 200, `{"sku":"ABC-001","onHand":50,"reserved":30,"available":20}`)
	if set.Header().Get("ETag") == read.Header().Get("ETag") {
		t.Error("setting it did not change the ETag")
	}
	want(t, ask(t, handler, put("/api/stock/ABC-001", `{"onHand":29}`)), 409, "")
}

func TestAChangeOfStockHonoursItsPreconditions(t *testing.T) {
	t.Parallel()
	_, handler := server(t)
	want(t, ask(t, handler, put("/api/stock/A", `{"onHand":1}`, "If-Match", "*")), 412, "")
	want(t, ask(t, handler, put("/api/stock/A", `{"onHand":1}`, "If-Match", `"1"`)), 412, "")
	created := ask(t, handler, put("/api/stock/A", `{"onHand":1}`, "If-None-Match", "*"))
	want(t, created, 201, "")
	tag := created.Header().Get("ETag")
	for name, test := range map[string]struct {
		header, value string
		status        int
	}{
		"none yet, but some":         {"If-None-Match", "*", 412},
		"a tag that nobody needs":    {"If-None-Match", tag, 422},
		"another tag":                {"If-Match", `"no-such"`, 412},
		"a weak tag":                 {"If-Match", "W/" + tag, 412},
		"no tag at all":              {"If-Match", "1", 422},
		"an unfinished list of tags": {"If-Match", tag + " " + tag, 422},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, ask(t, handler, put("/api/stock/A", `{"onHand":2}`, test.header, test.value)), test.status, "")
		})
	}
	want(t, ask(t, handler, put("/api/stock/A", `{"onHand":3}`, "If-Match", `"x,y", `+tag)), 200, "")
	want(t, ask(t, handler, put("/api/stock/A", `{"onHand":4}`, "If-Match", tag)), 412, "")
	want(t, ask(t, handler, put("/api/stock/A", `{"onHand":4}`, "If-Match", "*")), 200, "")
}

func TestASKUMayHoldAnyPrintableCharacter(t *testing.T) {
	t.Parallel()
	_, handler := server(t)
	for path, sku := range map[string]string{
		"a%2Fb":          "a/b",
		"a%2Fb%2525":     "a/b%25",
		"%25":            "%",
		"a%20b%3Fc%23":   "a b?c#",
		"%E6%97%A5":      "日",
		"%22%5C":         `"\`,
		"a+b;c=d,e:f@g!": "a+b;c=d,e:f@g!",
	} {
		answer := ask(t, handler, put("/api/stock/"+path, `{"onHand":1}`))
		want(t, answer, 201, "")
		var got struct{ SKU string }
		if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil || got.SKU != sku {
			t.Errorf("PUT /api/stock/%s sets %q, %v; want %q", path, got.SKU, err, sku)
		}
		want(t, ask(t, handler, get("/api/stock/"+path)), 200, "")
		want(t, ask(t, handler, post("/api/stock/"+path+"/adjustments", `{"delta":1,"reason":"found"}`)), 200, "")
	}
	for _, path := range []string{"%00", "a%0A", "%FF", "%EF%BF%BD", strings.Repeat("a", 256)} {
		want(t, ask(t, handler, put("/api/stock/"+path, `{"onHand":1}`)), 422, "")
	}
}

func TestStockIsListedInPages(t *testing.T) {
	t.Parallel()
	_, handler := server(t)
	want(t, ask(t, handler, get("/api/stock")), 200, `{"items":[]}`)
	for _, sku := range []string{"B", "A", "C"} {
		want(t, ask(t, handler, put("/api/stock/"+sku, `{"onHand":1}`)), 201, "")
	}
	first := ask(t, handler, get("/api/stock?limit=2"))
	want(t, first, 200, "")
	var page struct{ NextCursor string }
	if err := json.Unmarshal(first.Body.Bytes(), &page); err != nil || page.NextCursor == "" {
		t.Fatalf("no cursor in %s: %v", first.Body, err)
	}
	want(t, ask(t, handler, get("/api/stock?limit=2&cursor="+page.NextCursor)), 200, `{"items":[{"sku":"C","onHand":1,"reserved":0,"available":1}]}`)
	for _, query := range []string{"limit=0", "limit=1001", "limit=x", "cursor=!", "cursor=AAAA", "lmit=2"} {
		want(t, ask(t, handler, get("/api/stock?"+query)), 422, "")
	}
}

func TestAnAdjustmentHappensOnceAKey(t *testing.T) {
	t.Parallel()
	_, handler := server(t)
	const path, body = "/api/stock/A/adjustments", `{"delta":-3,"reason":"broken"}`
	want(t, ask(t, handler, post(path, body)), 404, "")
	want(t, ask(t, handler, put("/api/stock/A", `{"onHand":10}`)), 201, "")
	const answer = `{"sku":"A","onHand":7,"reserved":0,"available":7}`
	want(t, ask(t, handler, post(path, body, "Idempotency-Key", `"k 1"`)), 200, answer)
	want(t, ask(t, handler, post(path, body, "Idempotency-Key", `"k 1"`)), 200, answer)
	want(t, ask(t, handler, post(path, `{"delta":-4,"reason":"broken"}`, "Idempotency-Key", `"k 1"`)), 422, "")
	want(t, ask(t, handler, post(path, body, "Idempotency-Key", `"bare"`)), 200, "")
	want(t, ask(t, handler, post(path, body, "Idempotency-Key", "bare")), 200, `{"sku":"A","onHand":4,"reserved":0,"available":4}`)
	want(t, ask(t, handler, post(path, `{"delta":-5,"reason":"broken"}`)), 409, "")
	for name, test := range map[string]struct{ body, key string }{
		"a key of two strings":     {body, `"a" "b"`},
		"a key that is no string":  {body, `(1 2)`},
		"an empty key":             {body, `""`},
		"a long key":               {body, strings.Repeat("k", 256)},
		"nothing to adjust":        {`{"delta":0,"reason":"broken"}`, ""},
		"no reason":                {`{"delta":1}`, ""},
		"an empty reason":          {`{"delta":1,"reason":""}`, ""},
		"a reason that is no text": {`{"delta":1,"reason":"\u0000"}`, ""},
		"an absurd delta":          {`{"delta":1e300,"reason":"x"}`, ""},
		"half a unit":              {`{"delta":0.5,"reason":"x"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, ask(t, handler, post(path, test.body, "Idempotency-Key", test.key)), 422, "")
		})
	}
}

func TestAReservationIsShownItemByItem(t *testing.T) {
	t.Parallel()
	store, handler := server(t)
	want(t, ask(t, handler, put("/api/stock/A", `{"onHand":3}`)), 201, "")
	reserve(t, store, 1, event.Item{SKU: "A", Qty: 2})
	reserve(t, store, 2, event.Item{SKU: "A", Qty: 2}, event.Item{SKU: "B", Qty: 1})
	eventID := func(id int64) string { return event.OutcomeEventID(id).String() }
	want(t, ask(t, handler, get("/api/reservations/1")), 200, `{"orderId":1,"status":"RESERVED","decidedAt":"2026-05-01T12:00:00Z",
		"eventId":"`+eventID(1)+`","items":[{"sku":"A","qty":2}]}`)
	want(t, ask(t, handler, get("/api/reservations/2")), 200, `{"orderId":2,"status":"REJECTED","reason":"UNKNOWN_SKU","decidedAt":"2026-05-01T12:00:00Z",
		"eventId":"`+eventID(2)+`","items":[{"sku":"A","qty":2,"lacked":"OUT_OF_STOCK","available":1},{"sku":"B","qty":1,"lacked":"UNKNOWN_SKU"}]}`)
	want(t, ask(t, handler, get("/api/reservations/3")), 404, "")
	want(t, ask(t, handler, get("/api/reservations/x")), 422, "")
}

func TestEveryErrorIsAProblem(t *testing.T) {
	t.Parallel()
	_, handler := server(t)
	for name, test := range map[string]struct {
		request
		status int
	}{
		"nothing there":      {get("/nowhere"), 404},
		"a sku not known":    {get("/api/stock/none"), 404},
		"a method not taken": {request{method: http.MethodDelete, path: "/api/stock/A"}, 405},
		"a body too large":   {put("/api/stock/A", `{"onHand":1`+strings.Repeat(" ", 20<<10)+`}`), 413},
		"a body of a form":   {put("/api/stock/A", `onHand=1`, "Content-Type", "application/x-www-form-urlencoded"), 415},
		"a body not JSON":    {put("/api/stock/A", `{"onHand":`), 400},
		"no body":            {request{method: http.MethodPut, path: "/api/stock/A"}, 400},
		"a field not known":  {put("/api/stock/A", `{"onHand":1,"hand":2}`), 422},
		"a field missing":    {put("/api/stock/A", `{}`), 422},
		"a negative number":  {put("/api/stock/A", `{"onHand":-1}`), 422},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := ask(t, handler, test.request)
			want(t, answer, test.status, "")
			var problem struct {
				Status        int
				Title, Detail string
			}
			if err := json.Unmarshal(answer.Body.Bytes(), &problem); err != nil || problem.Status != test.status || problem.Title == "" {
				t.Errorf("%v: %s", err, answer.Body)
			}
			if got := answer.Header().Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("Content-Type %q", got)
			}
		})
	}
}

func TestTheDocumentIsServed(t *testing.T) {
	t.Parallel()
	_, handler := server(t)
	answer := ask(t, handler, get("/openapi.json"))
	var document struct {
		OpenAPI string
		Paths   map[string]any
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(document.OpenAPI, "3.1") || len(document.Paths) != 5 {
		t.Errorf("OpenAPI %q with %d paths", document.OpenAPI, len(document.Paths))
	}
	want(t, ask(t, handler, get("/openapi.yaml")), 200, "")
	want(t, ask(t, handler, get("/docs")), 404, "")
}

func TestMovementsAreListedLatestFirst(t *testing.T) {
	t.Parallel()
	_, handler := server(t)
	want(t, ask(t, handler, get("/api/stock/A/movements")), 200, `{"items":[]}`)
	want(t, ask(t, handler, put("/api/stock/A", `{"onHand":10}`)), 201, "")
	want(t, ask(t, handler, post("/api/stock/A/adjustments", `{"delta":-3,"reason":"broken"}`)), 200, "")
	type page struct {
		Items []struct {
			Delta, OnHand int64
			Reason        string
			At            time.Time
		}
		NextCursor string
	}
	read := func(query string) (p page) {
		answer := ask(t, handler, get("/api/stock/A/movements"+query))
		want(t, answer, 200, "")
		if err := json.Unmarshal(answer.Body.Bytes(), &p); err != nil || len(p.Items) != 1 || time.Since(p.Items[0].At).Abs() > time.Minute {
			t.Fatalf("%v: %s", err, answer.Body)
		}
		return p
	}
	latest := read("?limit=1")
	if m := latest.Items[0]; m.Delta != -3 || m.OnHand != 7 || m.Reason != "broken" || latest.NextCursor == "" {
		t.Errorf("the latest: %+v", latest)
	}
	first := read("?limit=1&cursor=" + latest.NextCursor)
	if m := first.Items[0]; m.Delta != 10 || m.OnHand != 10 || m.Reason != "" || first.NextCursor != "" {
		t.Errorf("the first: %+v", first)
	}
	want(t, ask(t, handler, get("/api/stock/A/movements?cursor=-1")), 422, "")
}

func TestWithoutItsDatabaseTheServiceSaysToComeAgain(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, "sqlite:"+filepath.Join(t.TempDir(), "inventory.db"))
	handler := api.NewHandler(sqlite.New(db.SQLite), slog.New(slog.DiscardHandler))
	db.Close()
	for name, r := range map[string]request{
		"get":     get("/api/stock/A"),
		"list":    get("/api/stock"),
		"put":     put("/api/stock/A", `{"onHand":1}`),
		"adjust":  post("/api/stock/A/adjustments", `{"delta":1,"reason":"found"}`),
		"look up": get("/api/reservations/1"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := ask(t, handler, r)
			want(t, answer, 503, "")
			if answer.Header().Get("Retry-After") == "" || answer.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("headers %v", answer.Header())
			}
		})
	}
}
func TestLimitsAreToldInFullNumbers(t *testing.T) {
	t.Parallel()
	_, handler := server(t)
	for body, limit := range map[string]string{`{"onHand":1000000000000001}`: "= 1000000000000000", `{"onHand":-1}`: "= 0"} {
		answer := ask(t, handler, put("/api/stock/ABC-001", body))
		want(t, answer, 422, "")
		if !strings.Contains(answer.Body.String(), limit+`"`) {
			t.Errorf("it says %s", answer.Body)
		}
	}
}
