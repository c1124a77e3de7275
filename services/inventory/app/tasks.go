package app

import (
	"context"
	"time"

	"github.com/openorder/openorder/services/internal/clock"
	"github.com/openorder/openorder/services/internal/service"
	"github.com/openorder/openorder/services/inventory"
)

const (
	keysKept     = 24 * time.Hour
	forgetEvery  = time.Minute
	forgetAtOnce = 500
)

// forgetKeys deletes idempotency keys a day after their use, in small steps.
func forgetKeys(shelves inventory.Shelves, base *service.Base) service.Task {
	report := reporter(base, "idempotency keys")
	var jumps clock.Jumps
	return service.Every(forgetEvery, func(ctx context.Context) {
		now := time.Now()
		if !jumps.Quiet(now, keysKept) {
			return // keys look older than they are
		}
		before := now.Add(-keysKept)
		forgotten, err := forgetAtOnce, error(nil)
		for err == nil && forgotten == forgetAtOnce {
			forgotten, err = shelves.ForgetKeys(ctx, before, forgetAtOnce)
		}
		report(err)
	})
}
