// Package kafka is everything the services need of a Kafka-protocol cluster: connection settings, a producer that
// outlives refusals, and a consumer that retries, dead-letters and never loses its place.
package kafka

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/event"
)

// Record is the client library's record. It stays in this package and in the services' consume and publish adapters;
// domains get decoded events.
type Record = kgo.Record

// Header is a record header.
type Header = kgo.RecordHeader

// Headers encodes a CloudEvent in binary mode.
func Headers(e event.CloudEvent) []Header {
	headers := make([]Header, 0, 10)
	add := func(key, value string) {
		if value != "" {
			headers = append(headers, Header{Key: key, Value: []byte(value)})
		}
	}
	add(event.HeaderSpecVersion, "1.0")
	add(event.HeaderID, e.ID)
	add(event.HeaderSource, e.Source)
	add(event.HeaderType, e.Type)
	if !e.Time.IsZero() {
		add(event.HeaderTime, e.Time.UTC().Format(time.RFC3339Nano))
	}
	add(event.HeaderSubject, e.Subject)
	add(event.HeaderCausation, e.Causation)
	add(event.HeaderContentType, "application/json")
	add(event.HeaderTraceParent, e.TraceParent)
	add(event.HeaderTraceState, e.TraceState)
	return headers
}

// HeaderValue is the value of the last header of that key, or nil. The last one wins, as in Kafka's lastHeader.
func HeaderValue(r *Record, key string) []byte {
	for i := len(r.Headers) - 1; i >= 0; i-- {
		if r.Headers[i].Key == key {
			return r.Headers[i].Value
		}
	}
	return nil
}
