package service

import (
	"context"
	"time"
)

// Every is a task that does something at once and then again and again until the service ends.
func Every(interval time.Duration, do func(ctx context.Context)) Task {
	return func(ctx context.Context) error {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			do(ctx)
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	}
}
