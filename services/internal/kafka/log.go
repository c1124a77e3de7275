package kafka

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// quietFor is how long a warning is not repeated: without brokers the client library warns several times a second.
const quietFor = 30 * time.Second

// clientLog passes the client library's warnings on, each once in a while. Its info lines (every rebalance, every metadata
// update), and the repeats, are ours only at debug level.
type clientLog struct {
	log    *slog.Logger
	mu     sync.Mutex
	warned map[string]time.Time
}

func newClientLog(log *slog.Logger) *clientLog {
	return &clientLog{log: log, warned: map[string]time.Time{}}
}

// Level implements kgo.Logger.
func (l *clientLog) Level() kgo.LogLevel {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelWarn
}

// Log implements kgo.Logger.
func (l *clientLog) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	severity := slog.LevelDebug
	if (level == kgo.LogLevelError || level == kgo.LogLevelWarn) && l.news(msg) {
		severity = slog.LevelWarn
	}
	l.log.Log(context.Background(), severity, "kafka client: "+msg, keyvals...)
}

func (l *clientLog) news(msg string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.warned[msg]) < quietFor {
		return false
	}
	l.warned[msg] = time.Now()
	return true
}

// hushable passes them on until its client has ended or is left to end by itself: it may outlive whom it logs for.
type hushable struct {
	*clientLog
	hushed atomic.Bool
}

func (l *hushable) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	if !l.hushed.Load() {
		l.clientLog.Log(level, msg, keyvals...)
	}
}
