package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/openorder/openorder/services/internal/service"
)

const recallEvery = time.Minute

// recall finds what a clock that went back has put off, and wakes the couriers for it.
func recall(l ledger, wake func(), log *slog.Logger, report func(error)) service.Task {
	return func(ctx context.Context) error {
		tick := time.NewTicker(recallEvery)
		defer tick.Stop()
		for {
			recalled, err := l.Recall(ctx)
			if ctx.Err() != nil {
				return nil
			}
			report(err)
			if recalled > 0 {
				log.Warn("the database's clock went back: what it put off is due as before", "notifications", recalled)
				wake()
			}
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	}
}
