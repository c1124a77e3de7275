package consume

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/internal/event"
)

func TestWhatTheOrderServiceWritesIsDecodedFast(t *testing.T) {
	t.Parallel()
	want := event.OrderCreated{
		EventID: "0198c5a7-8f5e-7cc3-98c4-dc0c0c07398f", OrderID: 7_000_000_000_000, UserID: 42,
		Items: event.Items{{SKU: "ABC-001", Qty: 2}, {SKU: "a b/c", Qty: 1_000_000}}, CreatedAt: event.At(time.Date(2026, 5, 1, 12, 0, 0, 123456000, time.UTC)),
	}
	value, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := fastDecode(value)
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("%s: taken %v (-want +got):\n%s", value, ok, diff)
	}
}

func FuzzFastDecode(f *testing.F) {
	for _, value := range []string{
		`{"eventId":"e","orderId":1,"userId":42,"items":[{"sku":"A","qty":1},{"sku":"B","qty":2}],"createdAt":"2026-05-01T12:00:00Z"}`,
		`{"eventId":"e","eventId":"f","orderId":1}`, `{"orderId":01}`, `{"orderId":999999999999999999}`, `{"orderId":1,"items":[]}`,
		`{"orderId":1,"createdAt":"now"}`, `{"orderId":1}x`, `{"orderId":1,}`, `{}`, `{"orderId":1,"items":[{"sku":"A","qty":1},]}`, `{"orderId":1,"createdAt":""}`,
	} {
		f.Add([]byte(value))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		fast, ok := fastDecode(value)
		if !ok {
			return
		}
		plain, err := event.DecodeOrderCreated(value)
		if diff := cmp.Diff(plain, fast); err != nil || diff != "" {
			t.Fatalf("%s: %v (-encoding/json +fast):\n%s", value, err, diff)
		}
	})
}
