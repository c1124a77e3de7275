package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/openorder/openorder/services/internal/testenv"
)

// customer takes webhooks, and remembers which notification came by which webhook-id, and how often.
type customer struct {
	url string

	mu   sync.Mutex
	came map[string]int      // by webhook-id
	ids  map[string][]string // by what is told: order and status
}

func newCustomer(t *testing.T) *customer {
	c := &customer{came: map[string]int{}, ids: map[string][]string{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var told struct {
			Data struct {
				OrderID int64
				Status  string
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&told); err != nil || told.Data.OrderID == 0 {
			return // cut off by a kill
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		id, news := r.Header.Get("webhook-id"), fmt.Sprint(told.Data.OrderID, " ", told.Data.Status)
		if c.came[id]++; c.came[id] == 1 {
			c.ids[news] = append(c.ids[news], id)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *customer) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.came)
}

// flags make a notification service tell the customer.
func (c *customer) flags(t *testing.T) []string {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--webhook-url=" + c.url, "--webhook-secret-file=" + secret, "--webhook-allow-private"}
}

// atOnce is how many requests to one receiver may be under way, and so be made again after a kill.
const atOnce = 16

func TestAKilledNotificationServiceTellsNothingTwiceButWhatWasUnderWay(t *testing.T) {
	t.Parallel()
	test := func(t *testing.T, s *system, victim string, c *customer) {
		s.putStock("ABC-001", 1_000_000)
		l := s.loadOf(4, func(int) string { return "ABC-001" })
		const kills = 3
		for range kills {
			before := c.count()
			testenv.Eventually(t, "customers are told", func() bool { return c.count() >= before+100 })
			s.processes[victim].kill()
			s.restart[victim]()
		}
		l.allDecided(s)
		testenv.Eventually(t, "every customer is told", func() bool { return c.count() >= len(l.acknowledged) })
		s.audit()
		c.mu.Lock()
		defer c.mu.Unlock()
		for news, ids := range c.ids {
			if len(ids) != 1 {
				t.Errorf("%s was told by the webhook-ids %v", news, ids)
			}
		}
		again := 0
		for _, times := range c.came {
			again += times - 1
		}
		t.Logf("%d webhooks, %d of them again after %d kills", len(c.came), again, kills)
		if again > kills*atOnce {
			t.Errorf("%d webhooks came again: more than were under way at %d kills", again, kills)
		}
	}
	t.Run("all-in-one", func(t *testing.T) {
		t.Parallel()
		c := newCustomer(t)
		test(t, allInOneAt(t, "", c.flags(t)...), "openorder", c)
	})
	t.Run("separate", func(t *testing.T) {
		c := newCustomer(t)
		test(t, separate(t, testenv.RealKafka(t), testenv.PostgreSQL(t), c.flags(t)...), "notification", c)
	})
}
