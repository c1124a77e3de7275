package consume_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/order"
	"github.com/openorder/openorder/services/order/consume"
	"github.com/openorder/openorder/services/order/storetest"
)

const eventID = "0191d2c4-1b2a-4c3d-8e4f-5a6b7c8d9e0f"

func outcome(id int64, status, causation string) *kafka.Record {
	o := event.Outcome{OrderID: id, Status: status}
	return &kafka.Record{
		Topic: o.Topic(), Key: event.Key(id),
		Value: fmt.Appendf(nil, `{"eventId":%q,"orderId":%d,"timestamp":"2026-03-01T12:00:00Z","status":%q,"reason":"OUT_OF_STOCK"}`,
			event.OutcomeEventID(id), id, status),
		Headers: kafka.Headers(event.CloudEvent{ID: "x", Causation: causation}),
	}
}

// letter is a dead letter given up by groups, one after the other.
func letter(id int64, causing string, groups ...string) *kafka.Record {
	r := &kafka.Record{
		Topic: event.TopicDeadLetter, Partition: 3, Offset: 7, Timestamp: time.UnixMilli(1_700_000_000_000), Key: event.Key(id),
		Value: fmt.Appendf(nil, `{"eventId":%q,"orderId":%d,"userId":42,"items":{"sku":"FAIL","qty":1},"createdAt":1700000000.5}`, causing, id),
	}
	for _, group := range groups {
		r.Headers = append(r.Headers,
			kafka.Header{Key: kafka.HeaderOriginalTopic, Value: []byte(event.TopicOrderCreated)},
			kafka.Header{Key: kafka.HeaderOriginalGroup, Value: []byte(group)})
	}
	r.Headers = append(r.Headers, kafka.Header{Key: kafka.HeaderExceptionMessage, Value: []byte("it failed")})
	return r
}

func TestDecode(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cause := event.OutcomeEventID(5).String()
	dead := order.Report{OrderID: 5, EventID: eventID, Kind: order.DeadLettered, Group: event.GroupInventory, Reason: "it failed",
		At: time.UnixMilli(1_700_000_000_000), Cause: "order.created.DLT/3/7@1700000000000"}
	elsewhere := order.Report{Kind: order.DeadLettered, Group: "analytics", Reason: dead.Reason, At: dead.At, Cause: dead.Cause}
	for name, test := range map[string]struct {
		record *kafka.Record
		want   order.Report
	}{
		"reserved":          {outcome(5, "RESERVED", eventID), order.Report{OrderID: 5, EventID: eventID, Kind: order.WasReserved, Reason: "OUT_OF_STOCK", At: at, Cause: cause}},
		"rejected":          {outcome(5, "REJECTED", eventID), order.Report{OrderID: 5, EventID: eventID, Kind: order.WasRejected, Reason: "OUT_OF_STOCK", At: at, Cause: cause}},
		"of the original's": {outcome(5, "RESERVED", ""), order.Report{OrderID: 5, Kind: order.WasReserved, Reason: "OUT_OF_STOCK", At: at, Cause: cause}},
		"inventory's dead letter, items as one object":          {letter(5, eventID, event.GroupInventory), dead},
		"redriven, and given up by inventory again":             {letter(5, eventID, event.GroupInventory, event.GroupInventory), dead},
		"redriven from elsewhere, and given up by inventory":    {letter(5, eventID, "analytics", event.GroupInventory), dead},
		"redriven, decided, and now given up by somebody else":  {letter(5, eventID, event.GroupInventory, "analytics"), elsewhere},
		"somebody else's dead letter, whatever it holds, is no": {&kafka.Record{Topic: event.TopicDeadLetter, Partition: 3, Offset: 7, Timestamp: dead.At, Value: []byte("garbage"), Headers: letter(5, eventID, "analytics").Headers}, elsewhere},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := consume.Decode(test.record)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func TestUnreadable(t *testing.T) {
	wrongTopic := outcome(5, "REJECTED", eventID)
	wrongTopic.Topic = event.TopicInventoryReserved
	garbled := letter(5, eventID, event.GroupInventory)
	garbled.Value = garbled.Value[:20]
	for name, record := range map[string]*kafka.Record{
		"no JSON":                           {Topic: event.TopicInventoryReserved, Value: []byte("garbage")},
		"nothing":                           {Topic: event.TopicInventoryRejected},
		"no order id":                       {Topic: event.TopicInventoryReserved, Value: []byte(`{"status":"RESERVED"}`)},
		"no status":                         {Topic: event.TopicInventoryReserved, Value: []byte(`{"orderId":5}`)},
		"a rejection in the reserved topic": wrongTopic,
		"half a dead letter":                garbled,
	} {
		if report, err := consume.Decode(record); err == nil {
			t.Errorf("%s: decoded to %+v", name, report)
		}
	}
}

func setup(t *testing.T) (*consume.Handler, *order.Service, order.Order, *prometheus.Registry) {
	t.Helper()
	store, _ := storetest.SQLite(t)
	metrics := prometheus.NewRegistry()
	service := order.New(order.Config{Store: store, Log: slog.New(slog.DiscardHandler), Metrics: metrics})
	id, err := store.ClaimIDs(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	o := order.Order{ID: id, EventID: uuid.New(), UserID: 42, Items: event.Items{{SKU: "A", Qty: 1}}, CreatedAt: time.Now(), Status: order.Pending}
	if _, err := store.Insert(t.Context(), []order.Placement{{Order: o}}, 0); err != nil {
		t.Fatal(err)
	}
	return consume.New(service, slog.New(slog.DiscardHandler)), service, o, metrics
}

func TestABatchIsAppliedAndWhatIsNotOursIsCountedAndPassed(t *testing.T) {
	handler, service, o, metrics := setup(t)
	own := o.EventID.String()
	batch := []*kafka.Record{
		outcome(o.ID, "REJECTED", ""),                      // the original's inventory
		outcome(o.ID, "REJECTED", eventID),                 // an older installation's
		outcome(12345, "RESERVED", own),                    // no order of ours (the original draws such ids)
		letter(o.ID, own, event.GroupNotification),         // another group's
		{Topic: event.TopicDeadLetter, Value: []byte("?")}, // no origin at all
		letter(12345, own, event.GroupInventory),
		letter(o.ID, own, event.GroupInventory),
		letter(o.ID, own, event.GroupInventory),
		outcome(o.ID, "RESERVED", own),
		outcome(o.ID, "RESERVED", own),
	}
	results, err := handler.Handle(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	for i, result := range results {
		if result.Err != nil || len(result.Emit) > 0 {
			t.Errorf("record %d: %+v", i, result)
		}
	}
	after, _, err := service.Get(t.Context(), o.ID)
	if err != nil || after.Status != order.Reserved || len(after.Outcomes) != 2 {
		t.Fatalf("%+v, %v", after, err)
	}
	want := map[order.Verdict]float64{order.Foreign: 2, order.Unknown: 2, order.Alien: 2, order.Repeated: 2}
	for verdict, count := range want {
		if got := passed(t, metrics, verdict); got != count {
			t.Errorf("%s: %v passed, want %v", verdict, got, count)
		}
	}
}

// JSON has no years before 0 and after 9999, which records can hold.
func TestAReportOfNoPossibleTimeIsApplied(t *testing.T) {
	for name, spoil := range map[string]func(*kafka.Record){
		"seconds before Christ": func(r *kafka.Record) {
			r.Value = bytes.Replace(r.Value, []byte(`"2026-03-01T12:00:00Z"`), []byte("-1e11"), 1)
		},
		"a year 10000 by UTC": func(r *kafka.Record) {
			r.Value = bytes.Replace(r.Value, []byte("2026-03-01T12:00:00Z"), []byte("9999-12-31T23:00:00-05:00"), 1)
		},
		"a record's that is no time either": func(r *kafka.Record) {
			r.Value = bytes.Replace(r.Value, []byte("2026-03-01T12:00:00Z"), []byte("0001-01-01T00:00:00Z"), 1)
			r.Timestamp = time.UnixMilli(math.MaxInt64)
		},
	} {
		t.Run(name, func(t *testing.T) {
			handler, service, o, _ := setup(t)
			record := outcome(o.ID, "RESERVED", o.EventID.String())
			spoil(record)
			if _, err := handler.Handle(t.Context(), []*kafka.Record{record}); err != nil {
				t.Fatal(err)
			}
			after, _, err := service.Get(t.Context(), o.ID)
			if err != nil || after.Status != order.Reserved || time.Since(after.Outcomes[0].At) > time.Minute {
				t.Fatalf("%+v, %v", after, err)
			}
		})
	}
}

func passed(t *testing.T, metrics *prometheus.Registry, verdict order.Verdict) float64 {
	t.Helper()
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == "openorder_orders_events_passed_total" && m.GetLabel()[0].GetValue() == string(verdict) {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("no counter for %s", verdict)
	return 0
}

func TestAnUnreadableOutcomeIsFatalAndAnUnreadableDeadLetterIsPassed(t *testing.T) {
	handler, service, o, metrics := setup(t)
	garbled := letter(o.ID, o.EventID.String(), event.GroupInventory)
	garbled.Value = []byte("garbage")
	results, err := handler.Handle(t.Context(), []*kafka.Record{
		{Topic: event.TopicInventoryReserved, Value: []byte("garbage")}, garbled, outcome(o.ID, "RESERVED", o.EventID.String()),
	})
	if err != nil {
		t.Fatal(err)
	}
	if results[0].Err == nil || results[1].Err != nil || results[2].Err != nil {
		t.Fatalf("%+v", results)
	}
	if got := passed(t, metrics, order.Undecodable); got != 1 {
		t.Fatalf("%v undecodable dead letters counted", got)
	}
	if after, _, err := service.Get(t.Context(), o.ID); err != nil || after.Status != order.Reserved {
		t.Fatalf("the record beside was not applied: %+v, %v", after, err)
	}
	if problems, err := testutil.GatherAndLint(metrics); err != nil || len(problems) > 0 {
		t.Fatalf("metrics: %v, %v", problems, err)
	}
}

func TestAnOutageIsNoRecordsFault(t *testing.T) {
	handler, _, o, metrics := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	garbled := letter(o.ID, o.EventID.String(), event.GroupInventory)
	garbled.Value = []byte("garbage")
	_, err := handler.Handle(ctx, []*kafka.Record{garbled, outcome(o.ID, "RESERVED", o.EventID.String())})
	if err == nil || errors.Is(err, order.ErrRefused) {
		t.Fatal(err)
	}
	if got := passed(t, metrics, order.Undecodable); got != 0 {
		t.Errorf("%v passed, which come again when the outage is over", got)
	}
	if err := handler.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, r := range []*kafka.Record{outcome(5, "RESERVED", eventID), letter(5, eventID, event.GroupInventory)} {
		f.Add(r.Topic, r.Value, event.GroupInventory, "message")
	}
	f.Fuzz(func(t *testing.T, topic string, value []byte, group, message string) {
		report, err := consume.Decode(&kafka.Record{Topic: topic, Value: value, Headers: []kafka.Header{
			{Key: kafka.HeaderOriginalGroup, Value: []byte(group)}, {Key: kafka.HeaderExceptionMessage, Value: []byte(message)},
			{Key: event.HeaderCausation, Value: []byte(eventID)},
		}})
		if err == nil && report.OrderID <= 0 && report.Group == event.GroupInventory {
			t.Fatalf("a report about no order: %+v", report)
		}
		o := order.Order{ID: report.OrderID, EventID: uuid.MustParse(eventID), Status: order.Pending}
		o.Advance(report)
	})
}
