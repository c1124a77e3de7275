package logline_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/notification"
	"github.com/openorder/openorder/services/notification/logline"
)

func TestEachNotificationIsAStructuredLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	results := logline.Receiver(log).Sender.Send(t.Context(), []notification.Notification{
		{ID: notification.ID{OrderID: 1, Status: notification.Reserved, Receiver: logline.ID}, At: at, TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		{ID: notification.ID{OrderID: 2, Status: notification.Failed, Receiver: logline.ID}, At: at, Reason: "sku FAIL", TraceParent: "nonsense"},
	})
	if diff := cmp.Diff(make([]notification.Result, 2), results); diff != "" {
		t.Error(diff)
	}
	decoder := json.NewDecoder(&out)
	for _, want := range []map[string]any{
		{"level": "INFO", "msg": "customer notified", "notification_id": "1-RESERVED-log", "order_id": 1.0, "status": "RESERVED", "at": "2026-07-01T12:00:00Z", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"},
		{"level": "INFO", "msg": "customer notified", "notification_id": "2-FAILED-log", "order_id": 2.0, "status": "FAILED", "at": "2026-07-01T12:00:00Z", "reason": "sku FAIL"},
	} {
		var line map[string]any
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, line); diff != "" {
			t.Error(diff)
		}
	}
}
