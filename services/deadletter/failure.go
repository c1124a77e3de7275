package deadletter

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// Unknown stands for a partition or offset that a letter does not tell.
const Unknown = -1

// Failure is how a record became a dead letter.
type Failure struct {
	Framework string // the family's name; empty when no header told anything
	// Where the record first came from. A record that was redriven and died again carries each death's; the first counts.
	Topic     string
	Partition int32
	Offset    int64
	// Why it died the last time, and in whose hands.
	Group     string
	Exception string
	Cause     string
	Message   string
}

// Class is the most telling class name: what was thrown, and its cause where that is only a framework's wrapping.
func (f Failure) Class() string {
	wrapped := f.Exception == "" || strings.HasPrefix(f.Exception, "org.springframework.") || strings.HasPrefix(f.Exception, "java.util.concurrent.")
	if f.Cause != "" && wrapped {
		return f.Cause
	}
	return f.Exception
}

// FailureOf reads each fact from the first family that tells it, for frameworks are mixed and their names borrowed. A
// family of one's own goes in front of Families.
func FailureOf(headers []Header, families []Family) Failure {
	f := Failure{Partition: Unknown, Offset: Unknown}
	for _, family := range families {
		told := family.read(headers)
		if f.Framework == "" && (told.Topic != "" || told.Exception != "" || told.Message != "") {
			f.Framework = family.Name
		}
		if f.Topic == "" {
			f.Topic, f.Partition, f.Offset = told.Topic, told.Partition, told.Offset
		}
		if f.Group == "" {
			f.Group = told.Group
		}
		if f.Exception == "" && f.Message == "" {
			f.Exception, f.Cause, f.Message = told.Exception, told.Cause, told.Message
		}
	}
	return f
}

func (y Family) read(headers []Header) Failure {
	origin, latest := first, last
	if y.NewestFirst {
		origin, latest = last, first
	}
	text := func(find func([]Header, string) ([]byte, bool), key string) string {
		value, _ := find(headers, key)
		return string(value)
	}
	f := Failure{
		Topic:     text(origin, y.Topic),
		Partition: Unknown,
		Offset:    Unknown,
		Group:     text(latest, y.Group),
		Exception: text(latest, y.Exception),
		Cause:     text(latest, y.Cause),
		Message:   text(latest, y.Message),
	}
	if n, ok := number(origin, headers, y.Partition); ok && n <= math.MaxInt32 {
		f.Partition = int32(n)
	}
	if n, ok := number(origin, headers, y.Offset); ok {
		f.Offset = n
	}
	f.tidy(y)
	return f
}

// tidy undoes what single frameworks do to the texts.
func (f *Failure) tidy(y Family) {
	switch y.Name {
	case "Kafka Streams":
		f.Exception, _, _ = strings.Cut(f.Exception, ":")
	case "Kafka Connect":
		if f.Group != "" {
			f.Group = connectGroup + f.Group
		}
	}
}

func number(find func([]Header, string) ([]byte, bool), headers []Header, key string) (int64, bool) {
	value, found := find(headers, key)
	if !found {
		return 0, false
	}
	return Number(value)
}

// Number decodes a partition, an offset or a timestamp, in big-endian binary or as decimal text. Four or eight digits are
// text: as binary they would be partition 808,464,432 or offset 3,472,328,296,227,680,304 at the least.
func Number(value []byte) (int64, bool) {
	if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
		return n, n >= 0
	}
	var n int64
	switch len(value) {
	case 4:
		n = int64(int32(binary.BigEndian.Uint32(value)))
	case 8:
		n = int64(binary.BigEndian.Uint64(value))
	default:
		return 0, false
	}
	return n, n >= 0
}

// IsNumber tells whether a header of this key holds a number, perhaps in binary.
func IsNumber(key string, families []Family) bool {
	for _, y := range families {
		if key != "" && (key == y.Partition || key == y.Offset) {
			return true
		}
	}
	return strings.HasSuffix(key, "original-timestamp")
}
