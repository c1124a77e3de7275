package kafka

import (
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"strings"
)

// Headers of a dead letter, as Spring Kafka's DeadLetterPublishingRecoverer writes them (spring-kafka KafkaHeaders), so
// that Spring's tools read ours. Partition (int32), offset and timestamp (int64, milliseconds) are big-endian.
const (
	HeaderExceptionClass        = "kafka_dlt-exception-fqcn"
	HeaderExceptionCause        = "kafka_dlt-exception-cause-fqcn"
	HeaderExceptionMessage      = "kafka_dlt-exception-message"
	HeaderExceptionStack        = "kafka_dlt-exception-stacktrace"
	HeaderOriginalTopic         = "kafka_dlt-original-topic"
	HeaderOriginalPartition     = "kafka_dlt-original-partition"
	HeaderOriginalOffset        = "kafka_dlt-original-offset"
	HeaderOriginalTimestamp     = "kafka_dlt-original-timestamp"
	HeaderOriginalTimestampType = "kafka_dlt-original-timestamp-type"
	HeaderOriginalGroup         = "kafka_dlt-original-consumer-group"

	// HeaderTruncated is ours: what was cut from the letter so that it fits, such as "stacktrace" or "stacktrace,value".
	HeaderTruncated = "openorder-dlt-truncated"
)

const (
	exceptionPrefix = "kafka_dlt-exception-"
	originalPrefix  = "kafka_dlt-original-"

	maxMessageBytes = 4 << 10 // of an exception's message
	maxStackBytes   = 16 << 10
	// maxOrigins bounds header growth: of a record dead-lettered again and again, the first origin and the last nine stay.
	maxOrigins = 10
)

// redrivenForAnother tells whether another group gave the record up in this topic. What several groups gave up is a letter of
// each; were all groups to take each copy that is redriven, what is still wrong would be twice as many letters every time.
func redrivenForAnother(group string, r *Record) bool {
	var lastTopic, lastGroup string // where it died last
	for _, h := range r.Headers {
		switch h.Key {
		case HeaderOriginalTopic:
			lastTopic = string(h.Value)
		case HeaderOriginalGroup:
			lastGroup = string(h.Value)
		}
	}
	return lastTopic == r.Topic && lastGroup != "" && lastGroup != group
}

// newDeadLetter is the record that keeps another that could not be taken: key, value and headers as they were, the
// exception's headers replaced, the origin's appended (the first stays the origin). It goes to the partition of the same
// number, or to that modulo the count where the dead letter topic has fewer (KIP-1191).
func newDeadLetter(topic, group string, r *Record, cause error) *Record {
	letter := &Record{Topic: topic, Partition: r.Partition, Key: r.Key, Value: r.Value}
	letter.Headers = append(keptHeaders(r.Headers), originHeaders(group, r)...)
	letter.Headers = append(letter.Headers, exceptionHeaders(cause)...)
	return letter
}

// keptHeaders are the record's own without earlier exceptions, and without the origins in the middle when there are many.
func keptHeaders(headers []Header) []Header {
	origins := 0
	for _, h := range headers {
		if h.Key == HeaderOriginalTopic {
			origins++
		}
	}
	surplus := origins - (maxOrigins - 1)
	seen := map[string]int{}
	kept := make([]Header, 0, len(headers)+11)
	for _, h := range headers {
		if strings.HasPrefix(h.Key, exceptionPrefix) || h.Key == HeaderTruncated && string(h.Value) == "stacktrace" {
			continue // a cut value or header stays cut, whatever becomes of the record
		}
		if strings.HasPrefix(h.Key, originalPrefix) {
			if seen[h.Key]++; seen[h.Key] > 1 && seen[h.Key] <= 1+surplus {
				continue
			}
		}
		kept = append(kept, h)
	}
	return kept
}

func originHeaders(group string, r *Record) []Header {
	timestampType := "CreateTime"
	if r.Attrs.TimestampType() == 1 {
		timestampType = "LogAppendTime"
	}
	return []Header{
		{Key: HeaderOriginalTopic, Value: []byte(r.Topic)},
		{Key: HeaderOriginalPartition, Value: binary.BigEndian.AppendUint32(nil, uint32(r.Partition))},
		{Key: HeaderOriginalOffset, Value: binary.BigEndian.AppendUint64(nil, uint64(r.Offset))},
		{Key: HeaderOriginalTimestamp, Value: binary.BigEndian.AppendUint64(nil, uint64(r.Timestamp.UnixMilli()))},
		{Key: HeaderOriginalTimestampType, Value: []byte(timestampType)},
		{Key: HeaderOriginalGroup, Value: []byte(group)},
	}
}

func exceptionHeaders(cause error) []Header {
	headers := []Header{
		{Key: HeaderExceptionClass, Value: []byte("openorder." + nameOf(cause))},
		{Key: HeaderExceptionCause, Value: []byte(rootType(cause))},
		{Key: HeaderExceptionMessage, Value: []byte(cut(cause.Error(), maxMessageBytes))},
	}
	stack := cause.Error()
	var panicked *panicError
	if errors.As(cause, &panicked) {
		stack = string(panicked.stack)
	}
	return append(headers, Header{Key: HeaderExceptionStack, Value: []byte(cut(stack, maxStackBytes))})
}

// rootType is the Go type of the innermost error, what comes nearest to the class of an exception's cause.
func rootType(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return strings.TrimPrefix(reflect.TypeOf(err).String(), "*")
		}
		err = inner
	}
}

func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "")
}

// shrink cuts a dead letter that the brokers found too large, a step a call: first the stack trace, then the value, to
// 900 KiB (below the brokers' default limit) and then by half, then the original's own headers, then all but those of this
// death, at last the key by half. It tells in a header what it cut, and is false when nothing is left to cut.
func shrink(letter *Record) bool {
	switch {
	case removeHeader(letter, HeaderExceptionStack):
		noteCut(letter, "stacktrace")
	case len(letter.Value) > 900<<10:
		letter.Value = letter.Value[:900<<10]
		noteCut(letter, "value")
	case len(letter.Value) > 0:
		letter.Value = letter.Value[:len(letter.Value)/2]
		noteCut(letter, "value")
	case keepHeaders(letter, aboutDeaths(letter.Headers)), keepHeaders(letter, ofThisDeath(letter.Headers)):
		noteCut(letter, "headers")
	case len(letter.Key) > 0:
		letter.Key = letter.Key[:len(letter.Key)/2]
		noteCut(letter, "key")
	default:
		return false
	}
	return true
}

// keepHeaders tells whether there were others.
func keepHeaders(letter *Record, kept []Header) bool {
	others := len(kept) < len(letter.Headers)
	letter.Headers = kept
	return others
}

func aboutDeaths(headers []Header) []Header {
	kept := headers[:0:0]
	for _, h := range headers {
		if strings.HasPrefix(h.Key, "kafka_dlt-") || h.Key == HeaderTruncated {
			kept = append(kept, h)
		}
	}
	return kept
}

// ofThisDeath are the last of each key that a dead letter has: they were appended, and are known to be small.
func ofThisDeath(headers []Header) []Header {
	last := map[string]int{
		HeaderOriginalTopic: -1, HeaderOriginalPartition: -1, HeaderOriginalOffset: -1, HeaderOriginalTimestamp: -1,
		HeaderOriginalTimestampType: -1, HeaderOriginalGroup: -1,
		HeaderExceptionClass: -1, HeaderExceptionCause: -1, HeaderExceptionMessage: -1, HeaderTruncated: -1,
	}
	for i, h := range headers {
		if _, ours := last[h.Key]; ours {
			last[h.Key] = i
		}
	}
	kept := headers[:0:0]
	for i, h := range headers {
		if at, ours := last[h.Key]; ours && at == i {
			kept = append(kept, h)
		}
	}
	return kept
}

func removeHeader(r *Record, key string) bool {
	for i, h := range r.Headers {
		if h.Key == key {
			r.Headers = append(r.Headers[:i:i], r.Headers[i+1:]...)
			return true
		}
	}
	return false
}

// noteCut adds to what the header says. Whoever wrote it before may have written anything.
func noteCut(r *Record, what string) {
	var all []string
	before := string(HeaderValue(r, HeaderTruncated))
	for _, word := range []string{"stacktrace", "value", "headers", "key"} {
		if word == what || strings.Contains(before, word) {
			all = append(all, word)
		}
	}
	r.Headers = slices.DeleteFunc(r.Headers, func(h Header) bool { return h.Key == HeaderTruncated })
	r.Headers = append(r.Headers, Header{Key: HeaderTruncated, Value: []byte(strings.Join(all, ","))})
}
