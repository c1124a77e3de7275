package order

import (
	"log/slog"
	"sync/atomic"
)

// trouble logs that something began to fail, and that it works again, and nothing in between; and reports each.
type trouble struct {
	what    string
	log     *slog.Logger
	report  func(what string, err error)
	failing atomic.Bool
}

func (t *trouble) observe(err error) {
	t.report(t.what, err)
	switch {
	case err != nil && !t.failing.Swap(true):
		t.log.Warn(t.what+" fails, will try again", "error", err)
	case err == nil && t.failing.Swap(false):
		t.log.Info(t.what + " works again")
	}
}
