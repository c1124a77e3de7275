package consume

import (
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/inventory"
)

// Header values that are the same on every event. Nobody writes to them.
var (
	specVersion = []byte("1.0")
	source      = []byte("/openorder/inventory-service")
	contentType = []byte("application/json")
	topics      = map[string][]byte{
		event.TopicInventoryReserved: []byte(event.TopicInventoryReserved),
		event.TopicInventoryRejected: []byte(event.TopicInventoryRejected),
	}
)

// emit makes an outcome's event. Time and event id are the outcome's own, so that a repeat is the same event; only what
// caused it, and the trace, are of this time.
//
// It writes what encoding/json and kafka.Headers would (a test compares), into one piece of memory: there are tens of
// thousands a second.
func emit(orderID int64, outcome inventory.Outcome, cause, traceParent, traceState string) *kafka.Record {
	status := outcome.Status()
	topic := event.Outcome{Status: status}.Topic()
	id := event.OutcomeEventID(orderID)
	at := event.At(outcome.At)
	p := page(make([]byte, 0, 320+len(cause)+len(traceParent)+len(traceState)))

	key := p.write(func(b []byte) []byte { return strconv.AppendInt(b, orderID, 10) })
	eventID := p.write(func(b []byte) []byte { return appendUUID(b, id) })
	when := p.write(func(b []byte) []byte { return at.AppendFormat(b, time.RFC3339Nano) })
	value := p.write(func(b []byte) []byte {
		b = append(append(b, `{"eventId":"`...), eventID...)
		b = append(append(b, `","orderId":`...), key...)
		b = append(append(b, `,"timestamp":"`...), when...)
		b = append(append(b, `","status":"`...), status...)
		if outcome.Reason != "" {
			b = append(append(b, `","reason":"`...), outcome.Reason...)
		}
		return append(b, `"}`...)
	})
	headers := append(make([]kafka.Header, 0, 10),
		kafka.Header{Key: event.HeaderSpecVersion, Value: specVersion},
		kafka.Header{Key: event.HeaderID, Value: eventID},
		kafka.Header{Key: event.HeaderSource, Value: source},
		kafka.Header{Key: event.HeaderType, Value: topics[topic]},
		kafka.Header{Key: event.HeaderTime, Value: when},
		kafka.Header{Key: event.HeaderSubject, Value: key})
	if cause != "" {
		headers = append(headers, kafka.Header{Key: event.HeaderCausation, Value: p.copy(cause)})
	}
	headers = append(headers, kafka.Header{Key: event.HeaderContentType, Value: contentType})
	if traceParent != "" {
		headers = append(headers, kafka.Header{Key: event.HeaderTraceParent, Value: p.copy(traceParent)})
	}
	if traceState != "" {
		headers = append(headers, kafka.Header{Key: event.HeaderTraceState, Value: p.copy(traceState)})
	}
	return &kafka.Record{Topic: topic, Key: key, Value: value, Headers: headers}
}

// page is memory that is written from top to bottom. What was written stays where it is, should the page be too small.
type page []byte

func (p *page) write(line func([]byte) []byte) []byte {
	start := len(*p)
	*p = line(*p)
	return (*p)[start:len(*p):len(*p)]
}

func (p *page) copy(text string) []byte {
	return p.write(func(b []byte) []byte { return append(b, text...) })
}

func appendUUID(b []byte, id uuid.UUID) []byte {
	text, _ := id.MarshalText() // cannot fail
	return append(b, text...)
}
