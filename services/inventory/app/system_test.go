package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/service"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/inventory"
	"github.com/openorder/openorder/services/inventory/app"
	"github.com/openorder/openorder/services/inventory/postgres"
	"github.com/openorder/openorder/services/inventory/sqlite"
	"github.com/openorder/openorder/services/inventory/storetest"
)

// system is a cluster with OpenOrder's topics, a database, and somebody who places orders and watches what is told.
type system struct {
	*testing.T
	brokers kafka.Config
	url     string // of the database
	store   inventory.Store
	client  *kgo.Client
	admin   *kadm.Client

	mu      sync.Mutex
	told    map[int64][]event.Outcome
	letters []*kgo.Record
	lastID  int64
}

const partitions = 3

func newSystem(t *testing.T, brokers kafka.Config, url string) *system {
	t.Helper()
	testenv.Topics(t, brokers, partitions)
	client, err := kgo.NewClient(append(brokers.Options("test", slog.New(slog.DiscardHandler)),
		kgo.ConsumeTopics(event.TopicInventoryReserved, event.TopicInventoryRejected, event.TopicDeadLetter),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond))...)
	if err != nil {
		t.Fatal(err)
	}
	s := &system{T: t, brokers: brokers, url: url, client: client, admin: kadm.NewClient(client), told: map[int64][]event.Outcome{}}
	s.store = storeOf(storetest.Open(t, url))
	ctx, cancel := context.WithCancel(t.Context())
	watching := make(chan struct{})
	go func() { defer close(watching); s.watch(ctx) }()
	t.Cleanup(func() { cancel(); <-watching; client.Close() })
	return s
}

func storeOf(db *database.DB) inventory.Store {
	if db.PostgreSQL != nil {
		return postgres.New(db.PostgreSQL)
	}
	return sqlite.New(db.SQLite)
}

func (s *system) watch(ctx context.Context) {
	for ctx.Err() == nil {
		s.client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if r.Topic == event.TopicDeadLetter {
				s.letters = append(s.letters, r)
				return
			}
			outcome, err := event.DecodeOutcome(r.Value)
			if err != nil {
				s.Error(err)
			}
			s.told[outcome.OrderID] = append(s.told[outcome.OrderID], outcome)
		})
	}
}

// config is a service's, on ports of its own.
func (s *system) config() *app.Config {
	return &app.Config{
		Kafka: s.brokers, Database: database.Config{URL: s.url}, FailSKU: "FAIL",
		Service: service.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0"},
	}
}

// inventoryService is one that runs.
type inventoryService struct {
	t          *testing.T
	api, admin string
	stop       func()
}

// run runs a service until the test ends, or stop is called.
func (s *system) run(c *app.Config) *inventoryService {
	s.Helper()
	running := &inventoryService{t: s.T}
	listening := make(chan struct{})
	c.Service.OnListen = func(api, admin net.Addr) {
		running.api, running.admin = "http://"+api.String(), "http://"+admin.String()
		close(listening)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx, slog.New(slog.NewTextHandler(s.Output(), nil))) }()
	running.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.Errorf("the service ended with %v", err)
		}
	})
	s.Cleanup(running.stop)
	select {
	case <-listening:
	case err := <-ended:
		s.Fatal(err)
	}
	testenv.Eventually(s, "the service is ready", func() bool {
		status, _ := running.ask(http.MethodGet, running.admin+"/readyz", "")
		return status == 200
	})
	return running
}

func (i *inventoryService) ask(method, url, body string) (int, string) {
	i.t.Helper()
	req, err := http.NewRequestWithContext(i.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		i.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		i.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		i.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// metric sums a metric's series up.
func (i *inventoryService) metric(series string) (sum float64) {
	_, text := i.ask(http.MethodGet, i.admin+"/metrics", "")
	for line := range strings.SplitSeq(text, "\n") {
		if rest, ok := strings.CutPrefix(line, series); ok {
			var value float64
			fields := strings.Fields(rest)
			if _, err := fmt.Sscan(fields[len(fields)-1], &value); err == nil {
				sum += value
			}
		}
	}
	return sum
}

func (s *system) put(sku string, onHand int64) {
	s.Helper()
	if _, _, err := s.store.SetStock(s.Context(), sku, onHand, inventory.Precondition{}); err != nil {
		s.Fatal(err)
	}
}

// place produces new orders for one of a sku each, and returns the last one's id.
func (s *system) place(count int, sku string) int64 {
	s.Helper()
	records := make([]*kgo.Record, count)
	for i := range records {
		s.lastID++
		value, err := json.Marshal(event.OrderCreated{
			EventID: fmt.Sprintf("cause-%d", s.lastID), OrderID: s.lastID, UserID: 42, Items: event.Items{{SKU: sku, Qty: 1}}, CreatedAt: event.At(time.Now()),
		})
		if err != nil {
			s.Fatal(err)
		}
		records[i] = &kgo.Record{Topic: event.TopicOrderCreated, Key: event.Key(s.lastID), Value: value}
	}
	s.produce(records...)
	return s.lastID
}

func (s *system) produce(records ...*kgo.Record) {
	s.Helper()
	if err := s.client.ProduceSync(s.Context(), records...).FirstErr(); err != nil {
		s.Fatal(err)
	}
}

// wantTold waits until every order placed has an outcome.
func (s *system) wantTold() {
	s.Helper()
	testenv.Eventually(s, "every order is told of", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.told) == int(s.lastID)
	})
}

func (s *system) wantLetters(count int) []*kgo.Record {
	s.Helper()
	testenv.Eventually(s, fmt.Sprintf("%d dead letters", count), func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.letters) >= count
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.letters
}

// wantSound checks what must hold whatever happened: every order told of has one outcome, the one stored, under one
// event id and time; stock holds what the outcomes do; and nothing was dead-lettered.
func (s *system) wantSound() {
	s.Helper()
	offsets, err := s.admin.ListEndOffsets(s.Context(), event.TopicDeadLetter)
	if err != nil {
		s.Fatal(err)
	}
	offsets.Each(func(o kadm.ListedOffset) {
		if o.Offset != 0 {
			s.Errorf("%d dead letters in partition %d", o.Offset, o.Partition)
		}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	reserved := map[string]int64{}
	for id := int64(1); id <= s.lastID; id++ {
		kept, err := s.store.Reservation(s.Context(), id)
		if err != nil {
			s.Fatal(err)
		}
		if kept.Reason == "" {
			reserved[kept.Items[0].SKU] += kept.Items[0].Qty
		}
		for _, told := range s.told[id] {
			want := event.Outcome{EventID: event.OutcomeEventID(id).String(), OrderID: id, Timestamp: event.At(kept.At), Status: kept.Status(), Reason: string(kept.Reason)}
			if told != want {
				s.Errorf("order %d: told %+v, kept %+v", id, told, want)
			}
		}
	}
	list, err := s.store.ListStock(s.Context(), "", 100)
	if err != nil {
		s.Fatal(err)
	}
	for _, stock := range list {
		if stock.Reserved != reserved[stock.SKU] || stock.Available() < 0 {
			s.Errorf("%+v, but the outcomes hold %d", stock, reserved[stock.SKU])
		}
	}
}
