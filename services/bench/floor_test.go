package bench

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

func TestBareLoopAnswersEveryOrderWithAnOutcome(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		k := testCluster(t, brokers)
		if err := k.renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		const orders = 100
		if err := k.fill(t.Context(), orders, failing(spread(7))); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if err := runLoop(ctx, brokers, slog.New(slog.DiscardHandler)); err != nil {
				t.Error(err)
			}
		}()
		defer func() { stop(); <-ended }()
		if _, err := k.follow(t.Context(), event.TopicInventoryReserved, orders, ended); err != nil {
			t.Fatal(err)
		}
		outcome := oneOf(t, brokers, event.TopicInventoryReserved)
		decoded, err := event.DecodeOutcome(outcome.Value)
		if err != nil || string(event.Key(decoded.OrderID)) != string(outcome.Key) {
			t.Errorf("key %s, value %s: %v", outcome.Key, outcome.Value, err)
		}
		for _, header := range []string{event.HeaderSpecVersion, event.HeaderID, event.HeaderSource, event.HeaderType, event.HeaderTime,
			event.HeaderSubject, event.HeaderCausation, event.HeaderContentType} {
			if kafka.HeaderValue(outcome, header) == nil {
				t.Errorf("it lacks %s, which inventory's outcomes have", header)
			}
		}
	})
}

func oneOf(t *testing.T, brokers kafka.Config, topic string) *kafka.Record {
	t.Helper()
	client, err := kgo.NewClient(append(brokers.Options("test", slog.New(slog.DiscardHandler)),
		kgo.ConsumeTopics(topic), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	fetched := client.PollRecords(t.Context(), 1)
	if err := fetched.Err(); err != nil {
		t.Fatal(err)
	}
	return fetched.Records()[0]
}

func TestBareHandlerAnswersAsTheOrderServiceDoes(t *testing.T) {
	t.Parallel()
	handler := acceptOrder()
	for body, want := range map[string]int{
		string(orderBody(3, sku(3))):                 http.StatusAccepted,
		`{"userId":42,"items":{"sku":"A","qty":1}}`:  http.StatusAccepted,
		`{"userId":0,"items":[{"sku":"A","qty":1}]}`: http.StatusBadRequest,
		`{"userId":1,"items":[]}`:                    http.StatusBadRequest,
		`not json`:                                   http.StatusBadRequest,
	} {
		recorder := httptest.NewRecorder()
		handler(recorder, httptest.NewRequest(http.MethodPost, "/api/orders", strings.NewReader(body)))
		if recorder.Code != want {
			t.Errorf("%s: status %d, want %d", body, recorder.Code, want)
		}
		if want == http.StatusAccepted && (!strings.Contains(recorder.Body.String(), `"status":"PENDING"`) || recorder.Header().Get("Location") == "") {
			t.Errorf("%s: answer %v %s", body, recorder.Header(), recorder.Body)
		}
	}
}
