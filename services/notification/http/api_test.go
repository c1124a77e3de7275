package http_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/notification"
	api "github.com/openorder/openorder/services/notification/http"
	"github.com/openorder/openorder/services/notification/sqlite"
)

const receiver = "webhook_0a1b2c3d4e5f"

// setup serves a ledger in which orders 1 to 5 were REJECTED: 1 is delivered, 2 given up, 3 gone, 4 and 5 pending.
type setup struct {
	handler http.Handler
	db      *database.DB
	woken   int
}

func newSetup(t *testing.T) *setup {
	t.Helper()
	config := database.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "notification.db")}
	schema := database.Schema{Name: "notification_service", SQLite: sqlite.Migrations}
	log := slog.New(slog.DiscardHandler)
	db, err := database.Open(t.Context(), config, schema, log, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	ledger := sqlite.New(db.SQLite.Write, db.SQLite.Read)
	fill(t, ledger)
	s := &setup{db: db}
	s.handler = api.New(api.Config{Ledger: ledger, Version: "test", Wake: func() { s.woken++ }, Log: log})
	return s
}

func fill(t *testing.T, ledger *sqlite.Ledger) {
	t.Helper()
	var events []notification.Event
	for id := range int64(5) {
		events = append(events, notification.Event{OrderID: id + 1, Status: notification.Rejected, Reason: "OUT_OF_STOCK", At: time.Unix(1_800_000_000, 0)})
	}
	claimant := notification.Claimant{Receiver: receiver, Run: uuid.New()}
	err := ledger.Register(t.Context(), []notification.Receiver{{ID: receiver, Address: "https://shop.example/hooks"}})
	if err == nil {
		_, err = ledger.Record(t.Context(), events, []string{receiver})
	}
	if err == nil {
		_, err = ledger.Claim(t.Context(), claimant, 5, time.Hour, time.Hour)
	}
	var settlements []notification.Settlement
	states := []notification.State{notification.Delivered, notification.GivenUp, notification.Gone, notification.Pending, notification.Pending}
	for i, e := range events {
		id := notification.ID{OrderID: e.OrderID, Status: e.Status, Receiver: receiver}
		settlements = append(settlements, notification.Settlement{ID: id, State: states[i], Attempts: i, RetryIn: time.Hour, Error: "503"})
	}
	if err == nil {
		err = ledger.Settle(t.Context(), claimant, settlements, notification.Verdict{Gone: true})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// call asks for something and wants a status.
func (s *setup) call(t *testing.T, method, path string, status int) (answer map[string]any) {
	t.Helper()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	if w.Code != status {
		t.Fatalf("%s %s: want %d, got %d %s", method, path, status, w.Code, w.Body)
	}
	kind := "application/json"
	if status >= 400 {
		kind = "application/problem+json"
	}
	if got := w.Header().Get("Content-Type"); got != kind {
		t.Errorf("%s %s: Content-Type %q, want %q", method, path, got, kind)
	}
	if status == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
		t.Errorf("%s %s: 503 without Retry-After", method, path)
	}
	if status == http.StatusMethodNotAllowed && w.Header().Get("Allow") == "" {
		t.Errorf("%s %s: 405 without Allow", method, path)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if status >= 400 && answer["status"] != float64(status) {
		t.Errorf("%s %s: the problem says %v", method, path, answer)
	}
	return answer
}

func orders(answer map[string]any) (ids []string) {
	for _, n := range answer["notifications"].([]any) {
		ids = append(ids, fmt.Sprint(n.(map[string]any)["orderId"]))
	}
	return ids
}

func TestNotificationsAreListed(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	for path, want := range map[string]string{
		"/api/notifications":                                  "5 4 3 2 1",
		"/api/notifications?orderId=3":                        "3",
		"/api/notifications?orderId=99":                       "",
		"/api/notifications?status=REJECTED&limit=2":          "5 4",
		"/api/notifications?status=FAILED":                    "",
		"/api/notifications?state=given_up":                   "2",
		"/api/notifications?state=gone":                       "3",
		"/api/notifications?state=pending":                    "5 4",
		"/api/notifications?state=delivered&status=REJECTED":  "1",
		"/api/notifications?orderId=1&state=pending&limit=10": "",
	} {
		if got := strings.Join(orders(s.call(t, "GET", path, 200)), " "); got != want {
			t.Errorf("%s: want %q, got %q", path, want, got)
		}
	}
	n := s.call(t, "GET", "/api/notifications?orderId=2", 200)["notifications"].([]any)[0].(map[string]any)
	for field, want := range map[string]any{
		"id": "2-REJECTED-" + receiver, "status": "REJECTED", "reason": "OUT_OF_STOCK", "receiver": receiver, "state": "given_up",
		"attempts": 1.0, "lastError": "503", "at": "2027-01-15T08:00:00Z", "dueAt": nil, "$schema": nil,
	} {
		if n[field] != want {
			t.Errorf("%s: want %v, got %v", field, want, n[field])
		}
	}
}

func TestPagesFollowEachOther(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	var got []string
	path := "/api/notifications?limit=2"
	for path != "" {
		page := s.call(t, "GET", path, 200)
		got = append(got, orders(page)...)
		path = ""
		if next, ok := page["nextCursor"].(string); ok {
			path = "/api/notifications?limit=2&cursor=" + next
		}
	}
	if want := []string{"5", "4", "3", "2", "1"}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestWhatEndedBadlyCanBeReArmed(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	since := s.call(t, "GET", "/api/receivers", 200)["receivers"].([]any)[0].(map[string]any)
	if since["goneSince"] == nil || since["givenUp"] != 1.0 || since["gone"] != 1.0 || since["waiting"] != 2.0 {
		t.Errorf("got %v", since)
	}
	rearmed := s.call(t, "POST", "/api/notifications/2-REJECTED-"+receiver+"/rearm", 200)
	if rearmed["state"] != "pending" || rearmed["attempts"] != 0.0 || s.woken != 1 {
		t.Errorf("got %v, woken %d times", rearmed, s.woken)
	}
	if all := s.call(t, "POST", "/api/receivers/"+receiver+"/rearm", 200); all["rearmed"] != 1.0 || s.woken != 2 {
		t.Errorf("got %v, woken %d times", all, s.woken)
	}
	after := s.call(t, "GET", "/api/receivers", 200)["receivers"].([]any)[0].(map[string]any)
	if after["goneSince"] != nil || after["waiting"] != 4.0 {
		t.Errorf("got %v", after)
	}
}

func TestEveryErrorIsAProblem(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	for request, status := range map[string]int{
		"POST /api/notifications/1-REJECTED-" + receiver + "/rearm": 409, // delivered
		"POST /api/notifications/4-REJECTED-" + receiver + "/rearm": 409, // pending
		"POST /api/notifications/9-REJECTED-" + receiver + "/rearm": 404,
		"POST /api/notifications/nonsense/rearm":                    404,
		"POST /api/receivers/nobody/rearm":                          404,
		"GET /api/notifications?limit=0":                            422,
		"GET /api/notifications?limit=501":                          422,
		"GET /api/notifications?limit=x":                            422,
		"GET /api/notifications?orderId=0":                          422,
		"GET /api/notifications?status=SHIPPED":                     422,
		"GET /api/notifications?state=lost":                         422,
		"GET /api/notifications?cursor=nonsense":                    422,
		"GET /api/notifications?orderid=3":                          422,
		"GET /api":                                                  404,
		"DELETE /api/notifications":                                 405,
	} {
		method, path, _ := strings.Cut(request, " ")
		s.call(t, method, path, status)
	}
	s.db.Close()
	s.call(t, "GET", "/api/notifications", 503)
	s.call(t, "GET", "/api/receivers", 503)
	s.call(t, "POST", "/api/notifications/2-REJECTED-"+receiver+"/rearm", 503)
}

// PostgreSQL refuses NUL and what is no UTF-8, as if it were away.
func TestWhatIsNoReceiverIsNotAskedFor(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.db.Close()
	for _, receiver := range []string{"a\x00", "\xff", "a b"} {
		id := "1-REJECTED-" + receiver
		s.call(t, "POST", "/api/notifications/"+url.PathEscape(id)+"/rearm", 404)
		s.call(t, "POST", "/api/receivers/"+url.PathEscape(receiver)+"/rearm", 404)
		s.call(t, "GET", "/api/notifications?cursor="+base64.RawURLEncoding.EncodeToString([]byte(id)), 422)
	}
}

// frozen is a ledger whose database takes requests and answers none.
type frozen struct{ api.Ledger }

func (frozen) List(ctx context.Context, _ notification.Filter) ([]notification.Notification, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestADatabaseThatDoesNotAnswerIsNotWaitedForWithoutEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // the client's
		defer cancel()
		answer := httptest.NewRecorder()
		api.New(api.Config{Ledger: frozen{}, Log: slog.New(slog.DiscardHandler)}).
			ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/notifications", nil))
		if ctx.Err() != nil || answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") == "" {
			t.Errorf("%d %v, %v", answer.Code, answer.Header(), ctx.Err())
		}
	})
}

func TestTheAPIDescribesItself(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	newSetup(t).handler.ServeHTTP(w, httptest.NewRequest("GET", "/openapi.json", nil))
	var document struct {
		OpenAPI string         `json:"openapi"`
		Paths   map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(document.OpenAPI, "3.1") || len(document.Paths) != 4 {
		t.Errorf("got %s with %d paths", document.OpenAPI, len(document.Paths))
	}
}
