package service

import (
	"context"
	"errors"
	"time"
)

// stop is the orderly end.
func (f *frame) stop(started bool) {
	f.base.Health.Drain()
	f.log.Info("stopping")
	if started { // otherwise no load balancer sends anything yet
		f.api.closeConnections()
		time.Sleep(f.config.DrainDelay)
	}
	bound, cancel := context.WithTimeout(context.Background(), ShutdownBound)
	defer cancel()
	f.drain(bound)
	f.stopWork()
	if f.within(bound, "end the tasks", f.working.Wait) && f.parts.Close != nil {
		f.within(bound, "close", f.parts.Close)
	}
	_ = f.adminServer.Close() // last, so that the end can be watched
	f.end()
}

// drain lets the requests in flight complete.
func (f *frame) drain(bound context.Context) {
	close(f.api.draining)
	requests, cancel := context.WithTimeout(bound, requestBound)
	defer cancel()
	if err := f.apiServer.Shutdown(requests); err != nil {
		f.log.Warn("requests were still running and are cut off", "after", requestBound)
		_ = f.apiServer.Close()
	}
}

var errLeftBehind = errors.New("not done within " + ShutdownBound.String() + ", left behind")

// within waits for something to end, and tells whether it did before the bound.
func (f *frame) within(bound context.Context, what string, wait func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.oversee(what, func() error { wait(); return nil })
	}()
	select {
	case <-done:
		return true
	case <-bound.Done():
		f.oversee(what, func() error { return errLeftBehind })
		return false
	}
}
