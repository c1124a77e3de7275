package audit

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
)

func FuzzReadFactTakesAnything(f *testing.F) {
	f.Add(0, []byte(`{"eventId":"e","orderId":7,"timestamp":"2026-07-01T12:00:00Z","status":"RESERVED"}`), "cause", event.GroupInventory)
	f.Add(1, []byte(`{"eventId":"6f1ad5a3-6d5c-5a55-9a0e-0d0f1f9a1c11","orderId":7,"status":"RESERVED"}`), "", "")
	f.Add(2, []byte(`{"orderId":7,"items":{"sku":"a","qty":1}}`), "", event.GroupInventory)
	f.Add(3, []byte(`{`), "", event.GroupInventory)
	f.Fuzz(func(t *testing.T, topic int, value []byte, cause, group string) {
		kinds := []eventKind{reservedEvent, rejectedEvent, letterEvent, createdEvent}
		kind := kinds[uint(topic)%4]
		r := &kgo.Record{Topic: topics[kind], Value: value, Headers: []kgo.RecordHeader{
			{Key: event.HeaderCausation, Value: []byte(cause)},
			{Key: kafka.HeaderOriginalTopic, Value: []byte(event.TopicOrderCreated)}, {Key: kafka.HeaderOriginalGroup, Value: []byte(group)},
		}}
		fact, about, err := readFact(r)
		if err != nil || !about {
			return
		}
		if fact.orderID <= 0 || fact.kind != kind {
			t.Errorf("got %+v", fact)
		}
		if decodeFact(fact.encode()) != fact {
			t.Errorf("%+v is not what was encoded", decodeFact(fact.encode()))
		}
	})
}
