package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"
)

// Time-outs and sizes of the HTTP servers. There is none for reading a whole request: Go would end the context of a
// stream with it. Handlers bound the time for a body themselves (internal/api does).
const (
	readHeaderTimeout = 5 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

type listeners struct{ api, admin net.Listener }

func listen(ctx context.Context, c Config) (listeners, error) {
	api, err := listenOn(ctx, c.flag("listen"), c.Listen)
	if err != nil {
		return listeners{}, err
	}
	admin, err := listenOn(ctx, c.flag("admin-listen"), c.AdminListen)
	if err != nil {
		_ = api.Close()
		return listeners{}, err
	}
	return listeners{api, admin}, nil
}

func listenOn(ctx context.Context, flag, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s: %s is in use by another process; stop it or choose another address", flag, address)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen: %w", flag, err)
	}
	return listener, nil
}

// newServer makes a server whose requests' contexts end with base.
func newServer(base context.Context, handler http.Handler, log *slog.Logger) *http.Server {
	base = context.WithValue(base, logKey{}, log)
	return &http.Server{
		Handler:           handler,
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// gate passes requests to a handler that can be exchanged while it serves.
type gate struct {
	handler  atomic.Pointer[http.Handler]
	closing  atomic.Bool
	draining chan struct{}
}

func newGate(handler http.Handler) *gate {
	g := &gate{draining: make(chan struct{})}
	g.open(handler)
	return g
}

func (g *gate) open(handler http.Handler) { g.handler.Store(&handler) }

// closeConnections ends each connection with its next answer, so that clients come back elsewhere. Closing idle ones
// outright would break requests that are on their way.
func (g *gate) closeConnections() { g.closing.Store(true) }

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.closing.Load() {
		w.Header().Set("Connection", "close")
	}
	(*g.handler.Load()).ServeHTTP(w, r)
}

type (
	drainingKey struct{}
	logKey      struct{}
)

// Draining is closed when streams have to end, in a request's context. Requests that merely take a while go on.
func Draining(ctx context.Context) <-chan struct{} {
	draining, _ := ctx.Value(drainingKey{}).(<-chan struct{})
	return draining
}

// WithDraining returns a context whose Draining is the channel given.
func WithDraining(ctx context.Context, draining <-chan struct{}) context.Context {
	return context.WithValue(ctx, drainingKey{}, draining)
}

// unavailable answers 503 and when to ask again.
func unavailable(detail string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		problem(w, http.StatusServiceUnavailable, detail)
	})
}

// problem answers as RFC 9457 has it.
func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{http.StatusText(status), status, detail}) // a client that is gone needs no answer
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
