package broker

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kfake"
)

// logger passes kfake's warnings on. The rest is about single requests: ours only at debug level.
type logger struct {
	log     *slog.Logger
	unsaved *atomic.Bool // set with each error: kfake logs what it could not write when it was closed, and returns nothing
}

// Logf implements kfake.Logger.
func (l logger) Logf(level kfake.LogLevel, format string, args ...any) {
	if level == kfake.LogLevelError {
		l.unsaved.Store(true)
	}
	severity := slog.LevelDebug
	if level == kfake.LogLevelError || level == kfake.LogLevelWarn {
		severity = slog.LevelWarn
	}
	if l.log.Enabled(context.Background(), severity) {
		l.log.Log(context.Background(), severity, "embedded broker: "+fmt.Sprintf(format, args...))
	}
}
