package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/service"
	"github.com/openorder/openorder/services/internal/telemetry"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/order"
	"github.com/openorder/openorder/services/order/app"
)

// replica is a running order service.
type replica struct {
	*testing.T
	api, admin string
	stop       func() error
}

// patient is production's timing, but for machines so busy that an order may take its time.
var patient = order.Timing{Place: time.Minute}

// start runs a service until the test ends.
func start(t *testing.T, brokers kafka.Config, databaseURL string, timing order.Timing) *replica {
	t.Helper()
	r := &replica{T: t}
	listening := make(chan struct{})
	config := &app.Config{
		Kafka: brokers, Database: database.Config{URL: databaseURL}, Timing: timing,
		Service: service.Config{
			Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Log: telemetry.LogConfig{Level: "info", Format: "text"},
			OnListen: func(api, admin net.Addr) {
				r.api, r.admin = "http://"+api.String(), "http://"+admin.String()
				close(listening)
			},
		},
	}
	if err := config.Validate(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- config.Run(ctx, slog.New(slog.NewTextHandler(t.Output(), nil))) }()
	select {
	case <-listening:
	case err := <-ended:
		t.Fatal(err)
	}
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	r.until("the service is ready", func() bool {
		response, err := http.Get(r.admin + "/readyz")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return r
}

func (r *replica) until(what string, condition func() bool) {
	r.Helper()
	testenv.Eventually(r, what, condition)
}

func sqliteURL(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "order.db") }

// eachSystem runs a test over what needs nothing installed, and again over the real brokers and database.
func eachSystem(t *testing.T, test func(t *testing.T, brokers kafka.Config, databaseURL string)) {
	t.Run("kfake and sqlite", func(t *testing.T) {
		t.Parallel()
		_, brokers := testenv.FakeKafka(t)
		test(t, brokers, sqliteURL(t))
	})
	t.Run("kafka and postgres", func(t *testing.T) { test(t, testenv.RealKafka(t), testenv.PostgreSQL(t)) })
}

// post places an order, and returns the status and the id.
func (r *replica) post(headers ...string) (int, int64) {
	r.Helper()
	request, err := http.NewRequest("POST", r.api+"/api/orders", bytes.NewReader([]byte(`{"userId":42,"items":[{"sku":"ABC-001","qty":2}]}`)))
	if err != nil {
		r.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.Error(err)
		return 0, 0
	}
	defer response.Body.Close()
	var placed struct{ OrderID int64 }
	if err := json.NewDecoder(response.Body).Decode(&placed); err != nil {
		r.Error(err)
	}
	return response.StatusCode, placed.OrderID
}

func (r *replica) place() int64 {
	r.Helper()
	status, id := r.post()
	if status != http.StatusAccepted {
		r.Fatalf("POST answered %d", status)
	}
	return id
}

func (r *replica) status(id int64) order.Status {
	r.Helper()
	response, err := http.Get(fmt.Sprintf("%s/api/orders/%d", r.api, id))
	if err != nil {
		r.Fatal(err)
	}
	defer response.Body.Close()
	var shown struct{ Status order.Status }
	if err := json.NewDecoder(response.Body).Decode(&shown); err != nil {
		r.Fatal(err)
	}
	return shown.Status
}

func (r *replica) verbose() string {
	r.Helper()
	response, err := http.Get(r.admin + "/readyz?verbose")
	if err != nil {
		r.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		r.Fatalf("not ready: %s", text)
	}
	return string(text)
}

// wire is the other services: it reads what was published and writes what they answer.
type wire struct {
	*testing.T
	client *kgo.Client

	mu   sync.Mutex
	seen map[int64][]*kgo.Record
}

func connect(t *testing.T, brokers kafka.Config, topics ...string) *wire {
	t.Helper()
	client, err := kgo.NewClient(append(brokers.Options("test", slog.New(slog.DiscardHandler)),
		kgo.ConsumeTopics(topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.ProducerLinger(0))...)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{T: t, client: client, seen: map[int64][]*kgo.Record{}}
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			fetches := client.PollFetches(context.Background())
			if fetches.IsClientClosed() {
				return
			}
			fetches.EachRecord(w.keep)
		}
	})
	t.Cleanup(func() { client.Close(); reader.Wait() })
	return w
}

func (w *wire) keep(r *kgo.Record) {
	id, err := strconv.ParseInt(string(r.Key), 10, 64)
	if err != nil {
		w.Errorf("a record of %s with key %q", r.Topic, r.Key)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[id] = append(w.seen[id], r)
}

// records are those about an order so far.
func (w *wire) records(id int64) []*kgo.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen[id])
}

// created waits for an order's event.
func (w *wire) created(id int64) event.OrderCreated {
	w.Helper()
	testenv.Eventually(w, fmt.Sprintf("order %d is published", id), func() bool { return len(w.records(id)) > 0 })
	created, err := event.DecodeOrderCreated(w.records(id)[0].Value)
	if err != nil {
		w.Fatal(err)
	}
	return created
}

func (w *wire) send(records ...*kgo.Record) {
	w.Helper()
	if err := w.client.ProduceSync(w.Context(), records...).FirstErr(); err != nil {
		w.Fatal(err)
	}
}

// outcome is what inventory answers.
func outcome(created event.OrderCreated, status string) *kgo.Record {
	o := event.Outcome{EventID: event.OutcomeEventID(created.OrderID).String(), OrderID: created.OrderID, Timestamp: event.At(time.Now()), Status: status}
	value, _ := json.Marshal(o)
	return &kgo.Record{
		Topic: o.Topic(), Key: event.Key(created.OrderID), Value: value,
		Headers: kafka.Headers(event.CloudEvent{ID: o.EventID, Type: o.Topic(), Causation: created.EventID}),
	}
}

// letter is what inventory leaves in the dead letter topic.
func letter(created event.OrderCreated) *kgo.Record {
	value, _ := json.Marshal(created)
	return &kgo.Record{
		Topic: event.TopicDeadLetter, Key: event.Key(created.OrderID), Value: value,
		Headers: []kgo.RecordHeader{
			{Key: kafka.HeaderOriginalTopic, Value: []byte(event.TopicOrderCreated)},
			{Key: kafka.HeaderOriginalGroup, Value: []byte(event.GroupInventory)},
			{Key: kafka.HeaderExceptionMessage, Value: []byte("it failed")},
		},
	}
}
