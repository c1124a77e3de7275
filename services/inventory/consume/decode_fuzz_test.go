package consume_test

import (
	"testing"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
)

func FuzzHandle(f *testing.F) {
	for _, value := range []string{
		order(1, `[{"sku":"A","qty":1}]`), order(2, `{"sku":"A","qty":1}`), order(3, `[{"sku":"\u0000","qty":1}]`), order(4, `[{"sku":"\ud800","qty":1}]`),
		order(5, `[{"sku":"FAIL","qty":9223372036854775807},{"sku":"FAIL","qty":9223372036854775807}]`), `{"orderId":1e3}`, `null`, `[]`, ``, `{"items":null,"orderId":5}`,
	} {
		f.Add([]byte(value))
	}
	d := setup(f)
	f.Fuzz(func(t *testing.T, value []byte) {
		results, err := d.Handle(t.Context(), []*kafka.Record{{Topic: event.TopicOrderCreated, Value: value}})
		if err != nil {
			t.Fatalf("a record's content became an error of the batch: %v", err)
		}
		if (results[0].Err == nil) != (len(results[0].Emit) == 1) {
			t.Fatalf("neither told nor failed, or both: %+v", results[0])
		}
		if len(results[0].Emit) == 1 {
			if _, err := event.DecodeOutcome(results[0].Emit[0].Value); err != nil {
				t.Fatal(err)
			}
		}
	})
}
