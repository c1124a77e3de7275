package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/openorder/openorder/services/internal/testenv"
)

// load places orders until stopped and remembers those that were acknowledged. Requests may fail while a service is down, and
// are turned away as they should be while it cannot store them.
type load struct {
	mu           sync.Mutex
	acknowledged []int64
	refused      atomic.Int64
	stop         func()
}

// One in fifty of the first worker's fails on purpose.
func (s *system) load(workers int) *load {
	return s.loadOf(workers, func(nth int) string {
		if nth%(50*workers) == 0 {
			return "FAIL"
		}
		return "ABC-001"
	})
}

// loadOf places orders of the sku that each is to have.
func (s *system) loadOf(workers int, sku func(nth int) string) *load {
	l := &load{}
	done := make(chan struct{})
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for nth := w; ; nth += workers {
				select {
				case <-done:
					return
				default:
				}
				l.placeOne(s, sku(nth))
			}
		})
	}
	l.stop = sync.OnceFunc(func() { close(done); all.Wait() })
	s.Cleanup(l.stop)
	return l
}

func (l *load) placeOne(s *system, sku string) {
	response, text, err := request(s.T, "POST", s.order+"/api/orders", orderBody(sku, 1), nil)
	switch {
	case err != nil:
		return
	case response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != "":
		l.refused.Add(1)
		return
	case response.StatusCode != http.StatusAccepted:
		s.Errorf("POST: %s %s, want 202, or 503 with Retry-After", response.Status, text)
		return
	}
	var id int64
	if _, err := fmt.Sscanf(string(text[strings.Index(string(text), `"orderId":`)+len(`"orderId":`):]), "%d", &id); err != nil {
		s.Errorf("%s: %v", text, err)
		return
	}
	l.mu.Lock()
	l.acknowledged = append(l.acknowledged, id)
	l.mu.Unlock()
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acknowledged)
}

// goesOn waits until more orders have been acknowledged.
func (l *load) goesOn(s *system, more int) {
	s.Helper()
	want := l.count() + more
	testenv.Eventually(s, "orders are taken", func() bool { return l.count() >= want })
}

// isRefused waits until orders are turned away.
func (l *load) isRefused(s *system) {
	s.Helper()
	before := l.refused.Load()
	testenv.Eventually(s, "orders are refused", func() bool { return l.refused.Load() > before+8 })
}

// allDecided checks that each acknowledged order is there and has ended.
func (l *load) allDecided(s *system) {
	s.Helper()
	l.stop()
	for _, id := range l.acknowledged {
		testenv.Eventually(s, fmt.Sprintf("acknowledged order %d has ended", id), func() bool {
			status := s.status(id).Status
			return status == "RESERVED" || status == "REJECTED" || status == "FAILED"
		})
	}
}

func TestKillingAnyProcessLosesNothingAndSellsNothingTwice(t *testing.T) {
	t.Parallel()
	ownSystems(t, func(s *system) {
		s.putStock("ABC-001", 1_000_000)
		l := s.load(4)
		for round := range 2 {
			for name := range s.restart {
				l.goesOn(s, 50)
				s.processes[name].kill()
				s.restart[name]()
				s.Logf("round %d: %s killed and started again after %d orders", round, name, l.count())
			}
		}
		l.goesOn(s, 50)
		l.allDecided(s)
		s.audit()
	})
}
