// Package logline tells of notifications in the service's own log, one structured line each.
package logline

import (
	"context"
	"log/slog"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/notification"
)

// ID is the receiver's id in the ledger.
const ID = "log"

// Receiver is the log. A batch's lines are marked together, so a crash repeats a batch's lines at most.
func Receiver(log *slog.Logger) notification.Receiver {
	return notification.Receiver{ID: ID, Address: "the service's log", Sender: sender{log}, Batch: 1000, Parallel: 2}
}

type sender struct{ log *slog.Logger }

func (sender) Ready() error { return nil }

func (s sender) Send(ctx context.Context, batch []notification.Notification) []notification.Result {
	for _, n := range batch {
		attrs := make([]slog.Attr, 0, 6)
		attrs = append(attrs, slog.String("notification_id", n.ID.String()), slog.Int64("order_id", n.OrderID),
			slog.String("status", string(n.Status)), slog.Time("at", n.At))
		if n.Reason != "" {
			attrs = append(attrs, slog.String("reason", n.Reason))
		}
		attrs = append(attrs, event.TraceID(n.TraceParent))
		s.log.LogAttrs(ctx, slog.LevelInfo, "customer notified", attrs...)
	}
	return make([]notification.Result, len(batch))
}
