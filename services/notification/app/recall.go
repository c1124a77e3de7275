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
	return service.Every(recallEvery, func(ctx context.Context) {
		recalled, err := l.Recall(ctx)
		if ctx.Err() != nil {
			return
		}
		report(err)
		if recalled > 0 {
			log.Warn("the database's clock went back: what it put off is due as before", "notifications", recalled)
			wake()
		}
	})
}
