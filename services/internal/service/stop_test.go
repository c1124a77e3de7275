package service

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestAStopDuringTheStartIsNoErrorWhateverADriverCallsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		f := newFrame(ctx, "test", Config{}, slog.New(slog.DiscardHandler))
		started := f.start(func(ctx context.Context, _ *Base) (Parts, error) {
			stop()
			<-ctx.Done()
			return Parts{}, sql.ErrTxDone
		})
		f.stop(started)
		if err := f.verdict(); started || err != nil {
			t.Errorf("started %v, %v", started, err)
		}
	})
}

func TestWhatDoesNotEndIsLeftBehindAndSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFrame(t.Context(), "test", Config{}, slog.New(slog.DiscardHandler))
		stuck := make(chan struct{})
		defer close(stuck)
		began := time.Now()
		if !f.start(func(context.Context, *Base) (Parts, error) {
			return Parts{
				Tasks: []Task{func(context.Context) error { <-stuck; return nil }},
				Close: func() { t.Error("closed under a task that still runs") },
			}, nil
		}) {
			t.Fatal("not started")
		}
		f.stop(true)
		if err := f.verdict(); !errors.Is(err, errLeftBehind) {
			t.Errorf("want %v, got %v", errLeftBehind, err)
		}
		if took := time.Since(began); took != ShutdownBound {
			t.Errorf("took %s", took)
		}
	})
}
