package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/openorder/openorder/services/internal/testenv"
)

type placed struct {
	OrderID int64  `json:"orderId"`
	Status  string `json:"status"`
	Reason  string `json:"reason"`
}

type stock struct{ OnHand, Reserved, Available int64 }

// call sends a request and decodes a JSON answer into out, if that is not nil.
func call(t *testing.T, method, url, body string, headers map[string]string, out any) *http.Response {
	t.Helper()
	response, text, err := request(t, method, url, body, headers)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			t.Fatalf("%s %s: %d %s: %v", method, url, response.StatusCode, text, err)
		}
	}
	return response
}

func request(t *testing.T, method, url, body string, headers map[string]string) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for key, value := range headers {
		req.Header.Set(key, value)
	}
	response, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response, text, err
}

func orderBody(sku string, qty int) string {
	return fmt.Sprintf(`{"userId":42,"items":[{"sku":%q,"qty":%d}]}`, sku, qty)
}

func (s *system) place(sku string, qty int) int64 {
	s.Helper()
	var p placed
	if response := call(s.T, "POST", s.order+"/api/orders", orderBody(sku, qty), nil, &p); response.StatusCode != http.StatusAccepted || p.Status != "PENDING" {
		s.Fatalf("placing an order: %d %+v", response.StatusCode, p)
	}
	return p.OrderID
}

func (s *system) status(id int64) placed {
	s.Helper()
	var p placed
	call(s.T, "GET", fmt.Sprintf("%s/api/orders/%d", s.order, id), "", nil, &p)
	return p
}

func (s *system) becomes(id int64, status string) {
	s.Helper()
	testenv.Eventually(s, fmt.Sprintf("order %d is %s", id, status), func() bool { return s.status(id).Status == status })
}

func (s *system) stock(sku string) stock {
	s.Helper()
	var out stock
	call(s.T, "GET", s.inventory+"/api/stock/"+sku, "", nil, &out)
	return out
}

func (s *system) putStock(sku string, onHand int64) {
	s.Helper()
	if response := call(s.T, "PUT", s.inventory+"/api/stock/"+sku, fmt.Sprintf(`{"onHand":%d}`, onHand), nil, nil); response.StatusCode >= 300 {
		s.Fatalf("PUT stock %s: %d", sku, response.StatusCode)
	}
}

// switchFailSKU switches it in every replica: which of them gets an order is not known.
func (s *system) switchFailSKU(sku string) {
	s.Helper()
	for _, admin := range s.inventoryAdmins {
		if response := call(s.T, "PUT", admin+"/fail-sku", sku, map[string]string{"Content-Type": "text/plain"}, nil); response.StatusCode >= 300 {
			s.Fatalf("PUT /fail-sku: %d", response.StatusCode)
		}
	}
}

// told are the statuses that the customer was told of an order.
func (s *system) told(id int64) []string {
	s.Helper()
	_, text, err := request(s.T, "GET", fmt.Sprintf("%s/api/notifications?orderId=%d", s.notification, id), "", nil)
	if err != nil {
		s.Fatal(err)
	}
	var page struct {
		Notifications []struct{ Status, State string }
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&page); err != nil {
		s.Fatalf("%s: %v", text, err)
	}
	var out []string
	for _, n := range page.Notifications {
		out = append(out, n.Status)
	}
	return out
}

// isTold waits until the customer was told of an order by these statuses, given in the alphabet's order, and no others.
func (s *system) isTold(id int64, statuses ...string) {
	s.Helper()
	testenv.Eventually(s, fmt.Sprintf("the customer of order %d is told %v", id, statuses), func() bool {
		return slices.Equal(slices.Sorted(slices.Values(s.told(id))), statuses)
	})
}

// hasDeadLetters tells whether `openorder dlt list` finds any.
func (s *system) hasDeadLetters() bool {
	s.Helper()
	out, err := tool(s.T, s.home, s.env, "dlt", "list", "--json")
	if err != nil {
		s.Fatalf("dlt list: %v\n%s", err, out)
	}
	return strings.Contains(out, `"letters"`)
}

// audit runs `openorder audit` until it finds nothing in flight, and fails the test when an invariant is broken.
func (s *system) audit() {
	s.Helper()
	if out, err := tool(s.T, s.home, s.env, "audit"); err != nil {
		s.Errorf("audit: %v\n%s", err, out)
	}
}
