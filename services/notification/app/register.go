package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/openorder/openorder/services/notification"
)

const registerAgain = time.Second

// register writes down who is told, and waits while the ledger refuses: its database may have gone away again since it was
// opened, or a right may still be missing.
func register(ctx context.Context, l ledger, receivers []notification.Receiver, log *slog.Logger, report func(error)) error {
	for said := false; ; said = true {
		err := l.Register(ctx, receivers)
		report(err)
		if err == nil {
			return nil
		}
		if !said {
			log.Warn("waiting for the database", "error", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the database: %w (%w)", ctx.Err(), err)
		case <-time.After(registerAgain):
		}
	}
}
