package kafka

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// clientLog passes the client library's warnings on. Its info lines (every rebalance, every metadata update) are ours
// only at debug level.
type clientLog struct{ log *slog.Logger }

func (l clientLog) Level() kgo.LogLevel {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelWarn
}

func (l clientLog) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	severity := slog.LevelDebug
	if level == kgo.LogLevelError || level == kgo.LogLevelWarn {
		severity = slog.LevelWarn
	}
	l.log.Log(context.Background(), severity, "kafka client: "+msg, keyvals...)
}

// hushable passes them on until its client is left to end by itself: that may outlive whom it logs for.
type hushable struct {
	clientLog
	hushed atomic.Bool
}

func (l *hushable) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	if !l.hushed.Load() {
		l.clientLog.Log(level, msg, keyvals...)
	}
}
