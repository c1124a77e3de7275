package deadletter_test

import (
	"encoding/binary"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/openorder/openorder/services/deadletter"
)

func headers(pairs ...string) []deadletter.Header {
	var all []deadletter.Header
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, deadletter.Header{Key: pairs[i], Value: []byte(pairs[i+1])})
	}
	return all
}

func int32Bytes(n int32) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }
func int64Bytes(n int64) string { return string(binary.BigEndian.AppendUint64(nil, uint64(n))) }

func TestEachFrameworksHeadersAreUnderstood(t *testing.T) {
	t.Parallel()
	const unknown = deadletter.Unknown
	own := append([]deadletter.Family{{Name: "flags", Topic: "my-topic"}}, deadletter.Families...)
	tests := map[string]struct {
		headers  []deadletter.Header
		families []deadletter.Family
		want     deadletter.Failure
	}{
		"Spring Kafka": {
			headers: headers("kafka_dlt-exception-fqcn", "o.s.ListenerExecutionFailedException", "kafka_dlt-exception-cause-fqcn", "a.NoStock",
				"kafka_dlt-exception-message", "none left", "kafka_dlt-original-topic", "orders", "kafka_dlt-original-partition", int32Bytes(5),
				"kafka_dlt-original-offset", int64Bytes(1<<40), "kafka_dlt-original-consumer-group", "inventory"),
			want: deadletter.Failure{Framework: "Spring Kafka", Topic: "orders", Partition: 5, Offset: 1 << 40, Group: "inventory",
				Exception: "o.s.ListenerExecutionFailedException", Cause: "a.NoStock", Message: "none left"},
		},
		"Spring Kafka, dead twice: the first origin, the last group": {
			headers: headers("kafka_dlt-original-topic", "orders", "kafka_dlt-original-partition", int32Bytes(1), "kafka_dlt-original-offset", int64Bytes(7),
				"kafka_dlt-original-consumer-group", "inventory", "kafka_dlt-original-topic", "orders.retry", "kafka_dlt-original-partition", int32Bytes(2),
				"kafka_dlt-original-offset", int64Bytes(8), "kafka_dlt-original-consumer-group", "billing"),
			want: deadletter.Failure{Framework: "Spring Kafka", Topic: "orders", Partition: 1, Offset: 7, Group: "billing"},
		},
		"Spring Kafka retry topics": {
			headers: headers("kafka_original-topic", "orders", "kafka_original-partition", int32Bytes(0), "kafka_original-offset", int64Bytes(4),
				"kafka_exception-fqcn", "a.B", "kafka_exception-message", "no", "kafka_dlt-original-consumer-group", "inventory"),
			want: deadletter.Failure{Framework: "Spring Kafka retry topics", Topic: "orders", Partition: 0, Offset: 4, Group: "inventory", Exception: "a.B", Message: "no"},
		},
		"Spring Cloud Stream, numbers in binary": {
			headers: headers("x-original-topic", "orders", "x-original-partition", int32Bytes(3), "x-original-offset", int64Bytes(9), "x-exception-fqcn", "a.B", "x-exception-message", "no"),
			want:    deadletter.Failure{Framework: "Spring Cloud Stream", Topic: "orders", Partition: 3, Offset: 9, Exception: "a.B", Message: "no"},
		},
		"those who took its names over, numbers as text": {
			headers: headers("x-original-topic", "orders", "x-original-partition", "3", "x-original-offset", "12345678"),
			want:    deadletter.Failure{Framework: "Spring Cloud Stream", Topic: "orders", Partition: 3, Offset: 12345678},
		},
		"Kafka Streams": {
			headers: headers("__streams.errors.exception", "o.a.k.StreamsException: no: way", "__streams.errors.message", "no: way",
				"__streams.errors.topic", "clicks", "__streams.errors.partition", "11", "__streams.errors.offset", "99"),
			want: deadletter.Failure{Framework: "Kafka Streams", Topic: "clicks", Partition: 11, Offset: 99, Exception: "o.a.k.StreamsException", Message: "no: way"},
		},
		"SmallRye, dead twice: it puts the newest first": {
			headers: headers("dead-letter-exception-class-name", "j.l.RuntimeException", "dead-letter-reason", "wrong", "dead-letter-topic", "movies.2",
				"dead-letter-partition", "2", "dead-letter-offset", "20", "dead-letter-topic", "movies", "dead-letter-partition", "1", "dead-letter-offset", "10"),
			want: deadletter.Failure{Framework: "SmallRye", Topic: "movies", Partition: 1, Offset: 10, Exception: "j.l.RuntimeException", Message: "wrong"},
		},
		"Kafka Connect": {
			headers: headers("__connect.errors.topic", "rows", "__connect.errors.partition", "0", "__connect.errors.offset", "6", "__connect.errors.connector.name", "jdbc",
				"__connect.errors.exception.class.name", "o.a.k.DataException", "__connect.errors.exception.message", "bad"),
			want: deadletter.Failure{Framework: "Kafka Connect", Topic: "rows", Partition: 0, Offset: 6, Group: "connect-jdbc", Exception: "o.a.k.DataException", Message: "bad"},
		},
		"headers named by flags go first, the rest is filled in": {
			headers:  headers("my-topic", "mine", "x-original-topic", "orders", "x-exception-fqcn", "a.B", "x-exception-message", "no"),
			families: own,
			want:     deadletter.Failure{Framework: "flags", Topic: "mine", Partition: unknown, Offset: unknown, Exception: "a.B", Message: "no"},
		},
		"nothing known": {
			headers: headers("traceparent", "00"),
			want:    deadletter.Failure{Partition: unknown, Offset: unknown},
		},
		"broken numbers": {
			headers: headers("kafka_dlt-original-topic", "orders", "kafka_dlt-original-partition", "\xff\xff\xff\xff", "kafka_dlt-original-offset", "abc"),
			want:    deadletter.Failure{Framework: "Spring Kafka", Topic: "orders", Partition: unknown, Offset: unknown},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			families := test.families
			if families == nil {
				families = deadletter.Families
			}
			if diff := cmp.Diff(test.want, deadletter.FailureOf(test.headers, families)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzFailureOf(f *testing.F) {
	for _, y := range deadletter.Families {
		f.Add(y.Topic, []byte("orders"), y.Partition, []byte{0, 0, 0, 1}, y.Exception, []byte("a.B: c"))
	}
	f.Add(deadletter.HeaderRedrives, []byte("9223372036854775807"), "a", []byte(nil), "b", []byte{})
	f.Fuzz(func(t *testing.T, k1 string, v1 []byte, k2 string, v2 []byte, k3 string, v3 []byte) {
		all := []deadletter.Header{{Key: k1, Value: v1}, {Key: k2, Value: v2}, {Key: k3, Value: v3}}
		failure := deadletter.FailureOf(all, deadletter.Families)
		if failure.Partition < deadletter.Unknown || failure.Offset < deadletter.Unknown {
			t.Errorf("partition %d, offset %d", failure.Partition, failure.Offset)
		}
		letter := deadletter.Letter{Headers: all}
		redriven := deadletter.Letter{Headers: letter.Redriven(deadletter.Families)}
		if n := letter.Redrives(); n < 0 || redriven.Redrives() != n+1 {
			t.Errorf("the count went from %d to %d", n, redriven.Redrives())
		}
		var groups deadletter.Groups
		groups.Add(letter, failure, false)
	})
}

func TestNumbersAreReadInBothForms(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		offset := rapid.Int64Range(0, 1<<52).Draw(t, "offset")
		partition := rapid.Int32Range(0, 1<<24).Draw(t, "partition")
		for _, form := range []string{int64Bytes(offset), strconv.FormatInt(offset, 10)} {
			if got, ok := deadletter.Number([]byte(form)); !ok || got != offset {
				t.Errorf("%q: got %d, want %d", form, got, offset)
			}
		}
		for _, form := range []string{int32Bytes(partition), strconv.Itoa(int(partition))} {
			if got, ok := deadletter.Number([]byte(form)); !ok || got != int64(partition) {
				t.Errorf("%q: got %d, want %d", form, got, partition)
			}
		}
	})
}

func TestARedrivenRecordKeepsWhatIsItsOwn(t *testing.T) {
	t.Parallel()
	own := headers("ce_id", "1", "ce_id", "2", "kafka_dlt-original-topic", "a", "kafka_dlt-original-topic", "b", "x-original-topic", "c", deadletter.HeaderTruncated, "value")
	all := append(headers(deadletter.HeaderRedrives, "2"), own...)
	for _, y := range deadletter.Families {
		all = append(all, headers(y.Exception, "x", y.Message, "x")...)
		for _, other := range y.Other {
			all = append(all, headers(other, "x")...)
		}
	}
	got := deadletter.Letter{Headers: all}.Redriven(deadletter.Families)
	if diff := cmp.Diff(append(own, headers(deadletter.HeaderRedrives, "3")...), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestALetterIsTruncatedWhenTheRecordItselfWasCut(t *testing.T) {
	t.Parallel()
	for what, want := range map[string]bool{"stacktrace": false, "value": true, "stacktrace,value": true, "stacktrace,headers": true, "": true} {
		letter := deadletter.Letter{Headers: headers(deadletter.HeaderTruncated, what)}
		if got := letter.Truncated(); got != want {
			t.Errorf("%q: got %t", what, got)
		}
		if kept := len(letter.Redriven(nil)) == 2; kept != want {
			t.Errorf("%q: the mark is kept: %t", what, kept)
		}
	}
}

func TestTheClassIsWhatWasThrownNotWhatWrapsIt(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]deadletter.Failure{
		"a.NoStock":             {Exception: "org.springframework.kafka.listener.ListenerExecutionFailedException", Cause: "a.NoStock"},
		"openorder.undecodable": {Exception: "openorder.undecodable", Cause: "errors.errorString"},
		"a.Only":                {Cause: "a.Only"},
	} {
		if got := f.Class(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
