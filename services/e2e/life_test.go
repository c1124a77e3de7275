package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openorder/openorder/services/internal/testenv"
)

func TestAnOrderIsReservedAndItsCustomerTold(t *testing.T) {
	t.Parallel()
	eachSystem(t, func(s *system) {
		before := s.stock("ABC-001")
		id := s.place("ABC-001", 2)
		s.becomes(id, "RESERVED")
		if after := s.stock("ABC-001"); after.Reserved < before.Reserved+2 {
			s.Errorf("reserved went from %d to %d", before.Reserved, after.Reserved)
		}
		s.isTold(id, "RESERVED")
	})
}

func TestAnOrderForMoreThanThereIsIsRejectedWhole(t *testing.T) {
	t.Parallel()
	eachSystem(t, func(s *system) {
		available := s.stock("ABC-001").Available
		id := s.place("ABC-001", int(available)+1)
		s.becomes(id, "REJECTED")
		if reason := s.status(id).Reason; !strings.Contains(reason, "OUT_OF_STOCK") {
			s.Errorf("reason %q", reason)
		}
	})
}

func TestAFailedOrderIsRedrivenToReserved(t *testing.T) {
	t.Parallel()
	ownSystems(t, func(s *system) {
		id := s.place("FAIL", 1)
		s.becomes(id, "FAILED")
		if !s.hasDeadLetters() {
			s.Error("a failed order, and no dead letter")
		}
		s.isTold(id, "FAILED") // which is no news any more where the outcome is read first
		s.switchFailSKU("")
		args := []string{"dlt", "redrive", "--yes"}
		if out, err := tool(s.T, s.home, s.env, args...); err != nil {
			s.Fatalf("redrive: %v\n%s", err, out)
		}
		s.becomes(id, "RESERVED")
		s.isTold(id, "FAILED", "RESERVED")
		s.audit()
	})
}

func TestStockIsNeverOversoldByConcurrentOrders(t *testing.T) {
	t.Parallel()
	eachSystem(t, func(s *system) {
		sku := fmt.Sprintf("RARE-%d", time.Now().UnixNano())
		s.putStock(sku, 10)
		ids := make([]int64, 40)
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() { ids[i] = s.place(sku, 1) })
		}
		all.Wait()
		counts := map[string]int{}
		for _, id := range ids {
			testenv.Eventually(s, "the order is decided", func() bool { return s.status(id).Status != "PENDING" })
			counts[s.status(id).Status]++
		}
		if counts["RESERVED"] != 10 || counts["REJECTED"] != 30 {
			s.Errorf("10 in stock, 40 orders: %v", counts)
		}
	})
}

func TestTheSameIdempotencyKeyPlacesOneOrder(t *testing.T) {
	t.Parallel()
	eachSystem(t, func(s *system) {
		key := map[string]string{"Idempotency-Key": fmt.Sprintf(`"key-%d"`, time.Now().UnixNano())}
		var first, again placed
		call(s.T, "POST", s.order+"/api/orders", orderBody("ABC-001", 1), key, &first)
		call(s.T, "POST", s.order+"/api/orders", orderBody("ABC-001", 1), key, &again)
		if first.OrderID != again.OrderID || first.OrderID == 0 {
			s.Errorf("orders %d and %d under one key", first.OrderID, again.OrderID)
		}
		if response := call(s.T, "POST", s.order+"/api/orders", orderBody("ABC-001", 2), key, nil); response.StatusCode != http.StatusUnprocessableEntity {
			s.Errorf("another payload under the same key: %d, want 422", response.StatusCode)
		}
	})
}

func TestAStreamTellsTheHistoryUntilTheOrderIsDecided(t *testing.T) {
	t.Parallel()
	eachSystem(t, func(s *system) {
		id := s.place("ABC-001", 1)
		request, err := http.NewRequestWithContext(s.Context(), "GET", fmt.Sprintf("%s/api/orders/%d/events", s.order, id), nil)
		if err != nil {
			s.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			s.Fatal(err)
		}
		defer response.Body.Close()
		var told strings.Builder
		for scanner := lines(response.Body); scanner.Scan(); {
			told.WriteString(scanner.Text() + "\n")
		}
		if text := told.String(); !strings.Contains(text, "PENDING") || strings.Index(text, "RESERVED") < strings.Index(text, "PENDING") {
			s.Errorf("the stream said:\n%s", text)
		}
	})
}
