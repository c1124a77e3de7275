package consume_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/notification"
	"github.com/openorder/openorder/services/notification/consume"
)

// ledger remembers what it was given.
type ledger struct {
	events []notification.Event
	err    error
}

func (l *ledger) Record(_ context.Context, events []notification.Event, _ []string) ([]notification.Event, error) {
	l.events = append(l.events, events...)
	return events, l.err
}

func (l *ledger) Probe(context.Context) error { return l.err }

// handle gives one batch to a handler and tells what became of it.
func handle(t testing.TB, l *ledger, batch ...*kafka.Record) (results []kafka.Result, ignored int, err error) {
	t.Helper()
	h := &consume.Handler{
		Ledger: l, Receivers: []string{"log"}, Told: func([]notification.Event) {}, Ignored: func(letters int) { ignored += letters },
	}
	results, err = h.Handle(t.Context(), batch)
	return results, ignored, err
}

func header(key, value string) kafka.Header { return kafka.Header{Key: key, Value: []byte(value)} }

// letter is an order that inventory could not decide.
func letter(value string, headers ...kafka.Header) *kafka.Record {
	return &kafka.Record{
		Topic: event.TopicDeadLetter, Value: []byte(value), Timestamp: time.Unix(1_800_000_000, 0),
		Headers: append([]kafka.Header{
			header(event.HeaderTraceParent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
			header(kafka.HeaderOriginalTopic, event.TopicOrderCreated), header(kafka.HeaderOriginalGroup, event.GroupInventory),
			header(kafka.HeaderExceptionMessage, "no stock row\x00for FAIL"),
		}, headers...),
	}
}

func outcome(topic, value string) *kafka.Record {
	return &kafka.Record{Topic: topic, Value: []byte(value)}
}

func TestWhatRecordsTell(t *testing.T) {
	t.Parallel()
	const order = `{"eventId":"e","orderId":7,"userId":42,"items":[{"sku":"FAIL","qty":1}],"createdAt":"2026-07-01T12:00:00Z"}`
	for name, test := range map[string]struct {
		record *kafka.Record
		want   []notification.Event
	}{
		"a reservation": {
			outcome(event.TopicInventoryReserved, `{"eventId":"e","orderId":7,"timestamp":"2026-07-01T12:00:00.5Z","status":"RESERVED"}`),
			[]notification.Event{{OrderID: 7, Status: notification.Reserved, At: time.Date(2026, 7, 1, 12, 0, 0, 5e8, time.UTC)}},
		},
		"a rejection, its time as Jackson writes it": {
			outcome(event.TopicInventoryRejected, `{"eventId":"e","orderId":7,"timestamp":1782907200.5,"status":"REJECTED","reason":"OUT_OF_STOCK"}`),
			[]notification.Event{{OrderID: 7, Status: notification.Rejected, Reason: "OUT_OF_STOCK", At: time.Date(2026, 7, 1, 12, 0, 0, 5e8, time.UTC)}},
		},
		"a reason without bounds": {
			outcome(event.TopicInventoryRejected, `{"orderId":7,"timestamp":1782907200,"status":"REJECTED","reason":"`+strings.Repeat("x", 5000)+`"}`),
			[]notification.Event{{OrderID: 7, Status: notification.Rejected, Reason: strings.Repeat("x", 500), At: time.Unix(1782907200, 0).UTC()}},
		},
		"a failure": {
			letter(order),
			[]notification.Event{{
				OrderID: 7, Status: notification.Failed, Reason: "no stock row for FAIL", At: time.Unix(1_800_000_000, 0).UTC(),
				TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
			}},
		},
		"a failure after a redrive, with a second origin": {
			letter(order, header(kafka.HeaderOriginalTopic, event.TopicOrderCreated), header(kafka.HeaderOriginalGroup, event.GroupInventory)),
			[]notification.Event{{
				OrderID: 7, Status: notification.Failed, Reason: "no stock row for FAIL", At: time.Unix(1_800_000_000, 0).UTC(),
				TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
			}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &ledger{}
			results, ignored, err := handle(t, l, test.record)
			if err != nil || results[0].Err != nil || ignored != 0 {
				t.Fatalf("got %v, %v, %d ignored", results, err, ignored)
			}
			if diff := cmp.Diff(test.want, l.events); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDeadLettersOfOtherOriginAreIgnored(t *testing.T) {
	t.Parallel()
	from := func(topic, group string) *kafka.Record {
		return &kafka.Record{Topic: event.TopicDeadLetter, Value: []byte("not even JSON"), Headers: []kafka.Header{
			header(kafka.HeaderOriginalTopic, topic), header(kafka.HeaderOriginalGroup, group),
		}}
	}
	l := &ledger{}
	redrivenToSomebody := letter(`{"orderId":7}`, header(kafka.HeaderOriginalTopic, event.TopicOrderCreated), header(kafka.HeaderOriginalGroup, "somebody-else"))
	results, ignored, err := handle(t, l, redrivenToSomebody,
		from(event.TopicInventoryReserved, event.GroupOrder), from(event.TopicInventoryReserved, event.GroupNotification),
		from(event.TopicOrderCreated, "somebody-else"), &kafka.Record{Topic: event.TopicDeadLetter, Value: []byte(`{"orderId":7}`)})
	if err != nil || ignored != 5 || len(l.events) != 0 {
		t.Errorf("%d ignored, %v, %v", ignored, l.events, err)
	}
	for i, r := range results {
		if r.Err != nil {
			t.Errorf("record %d: %v", i, r.Err)
		}
	}
}

func TestAnUndecodableRecordFailsAloneAndForGood(t *testing.T) {
	t.Parallel()
	l := &ledger{}
	results, _, err := handle(t, l,
		outcome(event.TopicInventoryReserved, `{"orderId":1,"timestamp":"2026-07-01T12:00:00Z","status":"RESERVED"}`),
		outcome(event.TopicInventoryReserved, `{"orderId":`),
		outcome(event.TopicInventoryRejected, `{"orderId":2,"status":"SHIPPED"}`),
		letter(`[]`),
		outcome(event.TopicInventoryRejected, `{"orderId":3,"timestamp":"2026-07-01T12:00:00Z","status":"REJECTED"}`))
	if err != nil {
		t.Fatal(err)
	}
	var failed []bool
	for _, r := range results {
		failed = append(failed, r.Err != nil)
	}
	if diff := cmp.Diff([]bool{false, true, true, true, false}, failed); diff != "" {
		t.Error(diff)
	}
	if len(l.events) != 2 {
		t.Errorf("recorded %+v", l.events)
	}
}

// A frozen server's kernel keeps the connection alive; after a failover the next one answers.
func TestALedgerThatFreezesIsNotWaitedForWithoutEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		h := &consume.Handler{Ledger: frozen{}, Ignored: func(int) {}}
		_, err := h.Handle(ctx, []*kafka.Record{outcome(event.TopicInventoryReserved, `{"orderId":7,"timestamp":1782907200,"status":"RESERVED"}`)})
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			t.Errorf("%v, %v", err, ctx.Err())
		}
	})
}

type frozen struct{ consume.Ledger }

func (frozen) Record(ctx context.Context, _ []notification.Event, _ []string) ([]notification.Event, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestAnUnreachableLedgerIsAboutTheWholeBatch(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	_, _, err := handle(t, &ledger{err: away}, outcome(event.TopicInventoryReserved, `{"orderId":1,"status":"RESERVED"}`))
	if !errors.Is(err, away) {
		t.Errorf("got %v", err)
	}
}

func FuzzHandleTakesAnything(f *testing.F) {
	f.Add(0, []byte(`{"eventId":"e","orderId":7,"timestamp":"2026-07-01T12:00:00Z","status":"RESERVED"}`), int64(0))
	f.Add(1, []byte(`{"orderId":7,"timestamp":-1e10,"status":"REJECTED","reason":"\u0000"}`), int64(-1))
	f.Add(2, []byte(`{"orderId":7,"items":{"sku":"a","qty":1}}`), int64(1<<62))
	f.Fuzz(func(t *testing.T, topic int, value []byte, timestamp int64) {
		r := letter(string(value))
		r.Topic, r.Timestamp = consume.Topics()[uint(topic)%3], time.UnixMilli(timestamp)
		l := &ledger{}
		results, _, err := handle(t, l, r)
		if err != nil || len(results) != 1 {
			t.Fatalf("got %v, %v", results, err)
		}
		for _, e := range l.events {
			if e.OrderID <= 0 || strings.ContainsRune(e.Reason, 0) || len(e.Reason) > 500 || e.At.Year() < 1970 || e.At.Year() > 9998 {
				t.Errorf("recorded %+v", e)
			}
		}
	})
}
