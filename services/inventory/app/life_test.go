package app_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/inventory/app"
)

// each runs a test over what needs nothing installed, and over the real thing.
func each(t *testing.T, test func(s *system)) {
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		_, brokers := testenv.FakeKafka(t)
		test(newSystem(t, brokers, "sqlite:"+filepath.Join(t.TempDir(), "inventory.db")))
	})
	t.Run("real", func(t *testing.T) { test(newSystem(t, testenv.RealKafka(t), testenv.PostgreSQL(t))) })
}

func TestOrdersAreDecidedAndToldOf(t *testing.T) {
	each(t, func(s *system) {
		s.put("A", 60)
		s.run(s.config())
		s.place(100, "A")
		s.place(1, "unknown")
		s.wantTold()
		s.wantSound()
		if stock, err := s.store.Stock(s.Context(), "A"); err != nil || stock.Available() != 0 {
			s.Errorf("%+v, %v: want all of it reserved", stock, err)
		}
	})
}

func TestATopicReadFromItsBeginningTellsTheSameAgain(t *testing.T) {
	each(t, func(s *system) {
		s.put("A", 30)
		first := s.run(s.config())
		s.place(50, "A")
		s.wantTold()
		first.stop()
		testenv.Eventually(s, "the group is deleted", func() bool {
			_, err := s.admin.DeleteGroup(s.Context(), event.GroupInventory)
			return err == nil
		})
		s.put("A", 1000)
		s.run(s.config())
		testenv.Eventually(s, "every order is told of twice or more", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			for id := int64(1); id <= s.lastID; id++ {
				if len(s.told[id]) < 2 {
					return false
				}
			}
			return true
		})
		s.wantSound()
	})
}

func TestPoisonIsDeadLetteredAndStopsNobody(t *testing.T) {
	each(t, func(s *system) {
		s.put("A", 1000)
		s.put("FAIL", 10)
		running := s.run(s.config())
		s.place(1, "A")
		conflicting := []byte(`{"eventId":"x","orderId":1,"userId":1,"items":[{"sku":"A","qty":9}],"createdAt":"2026-05-01T12:00:00Z"}`)
		s.produce(
			&kgo.Record{Topic: event.TopicOrderCreated, Partition: 0, Value: []byte(`{"orderId":`)},
			&kgo.Record{Topic: event.TopicOrderCreated, Value: []byte(`{"orderId":77,"items":[{"sku":"\u0000","qty":1}]}`)},
			&kgo.Record{Topic: event.TopicOrderCreated, Key: event.Key(1), Value: conflicting},
			&kgo.Record{Topic: event.TopicOrderCreated, Key: []byte("888"), Value: []byte(`{"eventId":"e","orderId":888,"userId":1,"items":{"sku":"FAIL","qty":1}}`)},
		)
		s.place(50, "A")
		s.wantTold()
		got := map[string]string{}
		for _, letter := range s.wantLetters(4) {
			got[string(kafka.HeaderValue(letter, kafka.HeaderExceptionClass))] = string(letter.Key)
			if group := string(kafka.HeaderValue(letter, kafka.HeaderOriginalGroup)); group != event.GroupInventory {
				s.Errorf("a letter of group %q", group)
			}
		}
		for _, reason := range []string{"undecodable", "invalid", "conflict", "fail-sku"} {
			found := false
			for name := range got {
				found = found || strings.Contains(name, reason)
			}
			if !found {
				s.Errorf("no %s among the letters %v", reason, got)
			}
		}

		// Switched off and redriven, the order that failed on purpose is decided after all.
		if status, body := running.ask(http.MethodPut, running.admin+"/fail-sku", ""); status != 200 || strings.TrimSpace(body) != `{"sku":""}` {
			s.Fatalf("switch the failure off: %d %s", status, body)
		}
		for _, letter := range s.wantLetters(4) {
			if string(letter.Key) == "888" {
				s.produce(&kgo.Record{Topic: event.TopicOrderCreated, Key: letter.Key, Value: letter.Value})
			}
		}
		testenv.Eventually(s, "the redriven order is told of", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.told[888]) > 0 && s.told[888][0].Status == event.StatusReserved
		})
	})
}

func TestTheFailSKUIsSwitchedOnTheAdminAddress(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	s := newSystem(t, brokers, "sqlite:"+filepath.Join(t.TempDir(), "inventory.db"))
	running := s.run(s.config())
	at := running.admin + "/fail-sku"
	want := func(sku string, method, body string) {
		t.Helper()
		status, answer := running.ask(method, at, body)
		var got struct{ SKU string }
		if err := json.Unmarshal([]byte(answer), &got); status != 200 || err != nil || got.SKU != sku {
			t.Errorf("%d %s, want %q", status, answer, sku)
		}
		enabled := map[bool]float64{true: 1}[sku != ""]
		if got := running.metric("openorder_inventory_fail_sku_enabled"); got != enabled {
			t.Errorf("the gauge shows %v with %q", got, sku)
		}
	}
	want("FAIL", http.MethodGet, "")
	want("", http.MethodPut, "")
	want("OTHER", http.MethodPut, "OTHER")
	if status, _ := running.ask(http.MethodPut, at, "a\x00"); status != 400 {
		t.Errorf("an unprintable sku: status %d", status)
	}
	want("OTHER", http.MethodGet, "")
}

func TestSampleStockIsPutInOnce(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	s := newSystem(t, brokers, "sqlite:"+filepath.Join(t.TempDir(), "inventory.db"))
	for range 2 {
		config := s.config()
		config.AtStart = app.SampleStock
		running := s.run(config)
		testenv.Eventually(t, "the stock is shown", func() bool { return running.metric("openorder_inventory_skus") == 11 })
		if got := running.metric(`openorder_inventory_sku_units{sku="ABC-001",state="available"}`); got != 1000 {
			t.Errorf("ABC-001: %v available", got)
		}
		running.stop()
	}
	for _, sku := range []string{"ABC-001", "ABC-010", "FAIL"} {
		if stock, err := s.store.Stock(t.Context(), sku); err != nil || stock.OnHand != 1000 || stock.Version != 1 {
			t.Errorf("%s: %+v, %v", sku, stock, err)
		}
	}
}
