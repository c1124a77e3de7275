package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/openorder/openorder/services/internal/admin"
)

// How long a service takes to stop, at most, after its drain delay. Requests in flight have requestBound to complete;
// then their contexts end and their connections are closed. Whatever still runs after ShutdownBound is left behind, and
// Run says so with an error.
const (
	ShutdownBound = 20 * time.Second
	requestBound  = 10 * time.Second
)

// Base is what a service is given to build itself on.
type Base struct {
	Log     *slog.Logger
	Metrics *prometheus.Registry // holds the Go, process and build-info collectors already
	Health  *admin.Health        // with the gate "database", which start has to open
	Admin   chi.Router           // for switches of the service's own; served once start has returned
}

// Task runs until its context is done. One that returns an error before, or panics, ends the service.
type Task func(ctx context.Context) error

// Parts is what a service consists of once it has started.
type Parts struct {
	API   http.Handler
	Tasks []Task
	Close func() // called once the tasks have ended; may be nil
}

// Start makes a service's parts, and may wait in it for what the service cannot do without. Its context ends with the
// service: at once when the service is stopped while it waits, and otherwise together with the tasks'.
type Start func(ctx context.Context, base *Base) (Parts, error)

// Run serves until ctx is done, and then stops: readiness off, the drain delay, requests completed (Draining tells
// streams to end), tasks ended, Close; DrainDelay + ShutdownBound in all, at most.
//
// It listens at once, and answers the API with 503 until start has returned. An error of start or of a task stops the
// service likewise and is returned. A handler that streams for longer than writeTimeout sets a write deadline of its own
// for each message.
func Run(ctx context.Context, name string, c Config, log *slog.Logger, start Start) error {
	listeners, err := listen(ctx, c)
	if err != nil {
		return err
	}
	if c.OnListen != nil {
		c.OnListen(listeners.api.Addr(), listeners.admin.Addr())
	}
	return newFrame(ctx, name, c, log).run(listeners, start)
}

// frame is one run of a service.
type frame struct {
	config      Config
	log         *slog.Logger
	base        *Base
	api, admin  *gate
	apiServer   *http.Server
	adminServer *http.Server

	ending   context.Context // done when the service has to stop
	end      context.CancelFunc
	work     context.Context // start's and the tasks'
	stopWork context.CancelFunc
	working  sync.WaitGroup // start and the tasks
	parts    Parts          // to be read when start has returned

	mu       sync.Mutex
	problems []error
}

func newFrame(ctx context.Context, name string, c Config, log *slog.Logger) *frame {
	f := &frame{config: c, log: log}
	f.ending, f.end = context.WithCancel(ctx)
	f.work, f.stopWork = context.WithCancel(context.WithoutCancel(ctx))
	f.base = &Base{Log: log, Metrics: newRegistry(), Health: admin.NewHealth("database", "api"), Admin: chi.NewRouter()}

	f.api = newGate(unavailable(name + " is starting"))
	f.apiServer = newServer(WithDraining(f.work, f.api.draining), f.api, log)
	f.apiServer.WriteTimeout = writeTimeout

	f.admin = newGate(http.NotFoundHandler())
	probes := admin.Handler(f.base.Health, f.base.Metrics, c.Pprof)
	probes.NotFound(f.admin.ServeHTTP)
	f.adminServer = newServer(f.work, probes, log)
	return f
}

func (f *frame) run(l listeners, start Start) error {
	f.serve(l)
	started := f.start(start)
	if started {
		f.log.Info("serving", "listen", l.api.Addr().String(), "admin_listen", l.admin.Addr().String())
		<-f.ending.Done()
	}
	f.stop(started)
	return f.verdict()
}

func (f *frame) serve(l listeners) {
	go f.oversee("serve the API", func() error { return ignoreClosed(f.apiServer.Serve(l.api)) })
	go f.oversee("serve the admin address", func() error { return ignoreClosed(f.adminServer.Serve(l.admin)) })
}

// start calls the service's start, and sets the parts to work unless the service is to stop meanwhile.
func (f *frame) start(start Start) (started bool) {
	stopWaiting := context.AfterFunc(f.ending, f.stopWork)
	returned := make(chan bool, 1)
	f.working.Go(func() {
		returned <- f.oversee("start", func() (err error) {
			f.parts, err = start(f.work, f.base)
			if err != nil && f.work.Err() != nil {
				return f.work.Err() // drivers have other words for it, such as that a transaction has been rolled back already
			}
			return err
		})
	})
	select {
	case <-f.ending.Done():
		return false
	case ok := <-returned:
		// Once stopWaiting says yes, the work goes on until the requests are through.
		if !ok || !stopWaiting() {
			return false
		}
	}
	for _, task := range f.parts.Tasks {
		f.working.Go(func() { f.oversee("task", func() error { return task(f.work) }) })
	}
	f.admin.open(f.base.Admin)
	f.api.open(f.parts.API)
	f.base.Health.Open("api")
	return true
}

// oversee runs something, tells whether it succeeded, and ends the service when it panics or returns an error that is not
// the end of its context.
func (f *frame) oversee(what string, run func() error) (ok bool) {
	err := recovered(run)
	if err == nil || (f.work.Err() != nil && errors.Is(err, context.Canceled)) {
		return err == nil
	}
	f.mu.Lock()
	f.problems = append(f.problems, fmt.Errorf("%s: %w", what, err))
	f.mu.Unlock()
	f.end()
	return false
}

// verdict is everything that went wrong.
func (f *frame) verdict() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.problems...)
}

// recovered turns a panic into an error that carries its stack.
func recovered(run func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return run()
}
