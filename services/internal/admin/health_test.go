package admin_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openorder/openorder/services/internal/admin"
)

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestReadyOnceTheDatabaseIsReachedUntilTheDrain(t *testing.T) {
	t.Parallel()
	health := admin.NewHealth("database")
	h := admin.Handler(health, prometheus.NewRegistry(), false)
	check := func(when string, want int, says string) {
		t.Helper()
		code, body := get(t, h, "/readyz?verbose")
		if code != want || !strings.Contains(body, says) {
			t.Errorf("%s: %d %q, want %d with %q", when, code, body, want, says)
		}
		if live, _ := get(t, h, "/livez"); live != http.StatusOK {
			t.Errorf("%s: /livez %d", when, live)
		}
	}
	check("at start", 503, "database: not reached yet")
	health.Report("database", errors.New("connection refused"))
	check("while it is away", 503, "database: connection refused")
	health.Open("database")
	check("once it is reached", 200, "ok")
	health.Report("database", errors.New("connection refused"))
	health.Report("kafka", errors.New("no broker answers"))
	check("when it and Kafka are away later", 200, "kafka: no broker answers")
	health.Report("kafka", nil)
	health.Drain()
	check("while stopping", 503, "draining")
}

func TestProfilesAreServedOnlyOnRequest(t *testing.T) {
	t.Parallel()
	for withPprof, want := range map[bool]int{false: 404, true: 200} {
		if code, _ := get(t, admin.Handler(admin.NewHealth(), prometheus.NewRegistry(), withPprof), "/debug/pprof/"); code != want {
			t.Errorf("pprof %v: %d, want %d", withPprof, code, want)
		}
	}
}
