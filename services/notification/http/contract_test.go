package http_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openorder/openorder/services/internal/api/apitest"
	"github.com/openorder/openorder/services/internal/service"
	api "github.com/openorder/openorder/services/notification/http"
	"github.com/openorder/openorder/services/notification/sqlite"
)

func TestEveryAnswerIsDocumentedAndEveryDocumentedAnswerIsGiven(t *testing.T) {
	t.Parallel()
	s, away := newSetup(t), newSetup(t)
	away.db.Close()
	contract := apitest.Of(t, s.handler)
	hold := func(ledger api.Ledger) http.Handler {
		return contract.Hold(api.New(api.Config{
			Ledger: ledger, Wake: func() {}, Log: slog.New(slog.DiscardHandler),
			Middleware: []api.Middleware{service.Instrument(prometheus.NewRegistry())},
		}))
	}
	db := func(s *setup) api.Ledger { return sqlite.New(s.db.SQLite.Write, s.db.SQLite.Read) }
	ask := func(handler http.Handler, method, path string) {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), method, path, nil))
	}
	healthy := hold(db(s))
	givenUp, pending := "/api/notifications/2-REJECTED-"+receiver+"/rearm", "/api/notifications/4-REJECTED-"+receiver+"/rearm"
	ask(healthy, "GET", "/api/notifications")
	ask(healthy, "GET", "/api/notifications?state=lost")
	ask(healthy, "GET", "/api/receivers")
	ask(healthy, "GET", "/api/receivers?colour=red")
	for _, path := range []string{
		givenUp, pending, "/api/notifications/99-REJECTED-" + receiver + "/rearm", "/api/notifications/2/rearm?colour=red",
		"/api/receivers/" + receiver + "/rearm", "/api/receivers/nobody/rearm", "/api/receivers/nobody/rearm?colour=red",
	} {
		ask(healthy, "POST", path)
	}
	for _, handler := range []http.Handler{hold(db(away)), hold(nil)} {
		ask(handler, "GET", "/api/notifications")
		ask(handler, "GET", "/api/receivers")
		ask(handler, "POST", givenUp)
		ask(handler, "POST", "/api/receivers/"+receiver+"/rearm")
	}
	contract.AllSeen()
}
