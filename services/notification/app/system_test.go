package app_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/cli"
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/notification/app"
)

var secret = "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 24))

// system is a cluster, a database, and whoever receives webhooks.
type system struct {
	t        *testing.T
	brokers  kafka.Config
	database string
	producer *kgo.Client
	hook     *hook
	log      *lines
}

// everywhere runs a test over what needs nothing installed, and over the real thing.
func everywhere(t *testing.T, test func(t *testing.T, s *system)) {
	t.Helper()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		database := "sqlite:" + filepath.Join(t.TempDir(), "notification.db")
		if strings.HasSuffix(t.Name(), "/kafka") {
			database = testenv.PostgreSQL(t)
		}
		testenv.Topics(t, brokers, 3)
		producer, err := kgo.NewClient(brokers.Options("test", slog.New(slog.DiscardHandler))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(producer.Close)
		test(t, &system{t: t, brokers: brokers, database: database, producer: producer, hook: newHook(t), log: &lines{}})
	})
}

// hook counts the webhooks it gets, by webhook-id.
type hook struct {
	url    string
	mu     sync.Mutex
	got    map[string]int
	answer int
}

func newHook(t *testing.T) *hook {
	h := &hook{got: map[string]int{}, answer: http.StatusNoContent}
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := verifier.Verify(body, r.Header); err != nil {
			t.Error(err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.got[r.Header.Get("webhook-id")]++
		w.WriteHeader(h.answer)
	}))
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

func (h *hook) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.got)
}

// once wants each webhook to have come once.
func (h *hook) once(t *testing.T, webhooks int) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.got) != webhooks {
		t.Errorf("%d webhooks, want %d", len(h.got), webhooks)
	}
	for id, times := range h.got {
		if times != 1 {
			t.Errorf("%s came %d times", id, times)
		}
	}
}

// lines is a log to look into.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// replica is one running service.
type replica struct {
	t          *testing.T
	api, admin string
	stop       func()
}

// start runs a replica as the command line would.
func (s *system) start(flags ...string) *replica {
	s.t.Helper()
	secretFile := filepath.Join(s.t.TempDir(), "secret")
	if err := os.WriteFile(secretFile, []byte(secret), 0o600); err != nil {
		s.t.Fatal(err)
	}
	var config app.Config
	command := cli.Command("notification", "", &config, func(context.Context) error { return nil })
	command.SetArgs(append([]string{
		"--kafka-brokers=" + s.brokers.Brokers, "--database-url=" + s.database, "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0",
		"--drain-delay=0s", "--webhook-url=" + s.hook.url, "--webhook-secret-file=" + secretFile, "--webhook-allow-private",
	}, flags...))
	if err := command.Execute(); err != nil {
		s.t.Fatal(err)
	}
	r := &replica{t: s.t}
	listening := make(chan struct{})
	config.Service.OnListen = func(api, admin net.Addr) {
		r.api, r.admin = "http://"+api.String(), "http://"+admin.String()
		close(listening)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := config.Run(ctx, slog.New(slog.NewJSONHandler(s.log, nil))); err != nil {
			s.t.Error(err)
		}
	}()
	r.stop = sync.OnceFunc(func() { cancel(); <-done })
	s.t.Cleanup(r.stop)
	<-listening
	testenv.Eventually(s.t, "the service is ready", func() bool {
		status, _ := r.get(r.admin + "/readyz")
		return status == http.StatusOK
	})
	return r
}

func (r *replica) get(url string) (int, string) {
	r.t.Helper()
	response, err := http.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(body)
}

// states counts an order's notifications by status and state.
func (r *replica) states(order int64) map[string]int {
	r.t.Helper()
	_, body := r.get(fmt.Sprintf("%s/api/notifications?orderId=%d", r.api, order))
	var list struct {
		Notifications []struct{ Status, State string }
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		r.t.Fatalf("%v: %s", err, body)
	}
	counts := map[string]int{}
	for _, n := range list.Notifications {
		counts[n.Status+" "+n.State]++
	}
	return counts
}

// counted tells whether a metric with these labels has a value.
func (r *replica) counted(name string, value int, labels ...string) bool {
	r.t.Helper()
	_, metrics := r.get(r.admin + "/metrics")
	for line := range strings.Lines(metrics) {
		fits := strings.HasPrefix(line, name) && strings.HasSuffix(line, fmt.Sprintf(" %d\n", value))
		for _, label := range labels {
			fits = fits && strings.Contains(line, label)
		}
		if fits {
			return true
		}
	}
	return false
}

func (s *system) produce(records ...*kgo.Record) {
	s.t.Helper()
	if err := s.producer.ProduceSync(s.t.Context(), records...).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
}

func outcome(order int64, status string) *kgo.Record {
	o := event.Outcome{EventID: event.OutcomeEventID(order).String(), OrderID: order, Timestamp: event.At(time.Now()), Status: status}
	value, _ := json.Marshal(o) // plain data
	return &kgo.Record{Topic: o.Topic(), Key: event.Key(order), Value: value}
}

func letter(order int64) *kgo.Record {
	value, _ := json.Marshal(event.OrderCreated{EventID: "e", OrderID: order, CreatedAt: event.At(time.Now())}) // plain data
	return &kgo.Record{Topic: event.TopicDeadLetter, Key: event.Key(order), Value: value, Headers: []kgo.RecordHeader{
		{Key: kafka.HeaderOriginalTopic, Value: []byte(event.TopicOrderCreated)},
		{Key: kafka.HeaderOriginalGroup, Value: []byte(event.GroupInventory)},
		{Key: kafka.HeaderExceptionMessage, Value: []byte("sku FAIL")},
	}}
}
