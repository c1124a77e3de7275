package service_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openorder/openorder/services/internal/service"
	"github.com/openorder/openorder/services/internal/telemetry"
	"github.com/openorder/openorder/services/internal/testenv"
)

// running is a service under test.
type running struct {
	t          *testing.T
	api, admin string
	stop       context.CancelFunc
	done       chan error
}

func config() service.Config {
	return service.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Log: telemetry.LogConfig{Level: "info", Format: "text"}}
}

func run(t *testing.T, c service.Config, start service.Start) *running {
	t.Helper()
	r := &running{t: t, done: make(chan error, 1)}
	listening := make(chan struct{})
	c.OnListen = func(api, admin net.Addr) {
		r.api, r.admin = "http://"+api.String(), "http://"+admin.String()
		close(listening)
	}
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	go func() { r.done <- service.Run(ctx, "test", c, slog.New(slog.DiscardHandler), start) }()
	select {
	case <-listening:
	case err := <-r.done: // it may have ended by now
		r.done <- err
	}
	t.Cleanup(stop)
	return r
}

func (r *running) get(url string) (status int, header http.Header, body string) {
	r.t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

func (r *running) awaitStatus(url string, want int) {
	r.t.Helper()
	testenv.Eventually(r.t, fmt.Sprintf("%s answers %d", url, want), func() bool {
		status, _, _ := r.get(url)
		return status == want
	})
}

func (r *running) end() error {
	r.t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(service.ShutdownBound + 5*time.Second):
		r.t.Fatal("Run has not returned within its bound")
		return nil
	}
}

func answer(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
}

func TestAServiceAnswers503UntilItHasStartedAndIsReadyThen(t *testing.T) {
	t.Parallel()
	database := make(chan struct{})
	r := run(t, config(), func(ctx context.Context, base *service.Base) (service.Parts, error) {
		base.Admin.Get("/switch", answer("switched").ServeHTTP)
		<-database
		base.Health.Open("database")
		return service.Parts{API: answer("served")}, nil
	})

	status, header, body := r.get(r.api)
	if status != 503 || header.Get("Retry-After") != "1" || header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("before start has returned: got %d %v %s", status, header, body)
	}
	if status, _, _ := r.get(r.admin + "/livez"); status != 200 {
		t.Errorf("livez before start has returned: got %d", status)
	}
	if status, _, _ := r.get(r.admin + "/readyz"); status != 503 {
		t.Errorf("readyz before start has returned: got %d", status)
	}
	close(database)
	r.awaitStatus(r.admin+"/readyz", 200)
	if status, _, _ := r.get(r.api); status != 200 {
		t.Errorf("the API of a ready service: got %d", status)
	}
	if _, _, body := r.get(r.admin + "/switch"); body != "switched" {
		t.Errorf("the service's own switch on the admin address: got %q", body)
	}
	if _, _, body := r.get(r.admin + "/metrics"); !strings.Contains(body, "openorder_build_info{") || !strings.Contains(body, "go_build_info{") {
		t.Errorf("no build info in /metrics")
	}
	r.stop()
	if err := r.end(); err != nil {
		t.Errorf("a service that was asked to stop: %v", err)
	}
}

func TestAServiceThatIsStoppedWhileItWaitsEndsAtOnce(t *testing.T) {
	t.Parallel()
	c := config()
	c.DrainDelay = time.Hour
	r := run(t, c, func(ctx context.Context, _ *service.Base) (service.Parts, error) {
		<-ctx.Done()
		return service.Parts{}, fmt.Errorf("wait for the database: %w", ctx.Err())
	})
	r.stop()
	if err := r.end(); err != nil {
		t.Error(err)
	}
}

func TestPartsThatWereMadeWhileTheServiceWasStoppedAreClosed(t *testing.T) {
	t.Parallel()
	var closed atomic.Bool
	r := run(t, config(), func(ctx context.Context, _ *service.Base) (service.Parts, error) {
		<-ctx.Done()
		return service.Parts{Close: func() { closed.Store(true) }}, nil
	})
	r.stop()
	if err := r.end(); err != nil || !closed.Load() {
		t.Errorf("got %v, closed %t", err, closed.Load())
	}
}

func TestWhatGoesWrongEndsTheServiceAndIsReturned(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	cases := map[string]struct {
		start service.Start
		want  string
	}{
		"start fails": {
			start: func(context.Context, *service.Base) (service.Parts, error) { return service.Parts{}, broken },
			want:  "start: broken",
		},
		"start panics": {
			start: func(context.Context, *service.Base) (service.Parts, error) { panic("no such luck") },
			want:  "start: panic: no such luck",
		},
		"a task fails": {
			start: func(context.Context, *service.Base) (service.Parts, error) {
				return service.Parts{API: answer(""), Tasks: []service.Task{func(context.Context) error { return broken }}}, nil
			},
			want: "task: broken",
		},
		"a task panics": {
			start: func(context.Context, *service.Base) (service.Parts, error) {
				return service.Parts{API: answer(""), Tasks: []service.Task{func(context.Context) error { panic("no such luck") }}}, nil
			},
			want: "task: panic: no such luck",
		},
		"closing panics": {
			start: func(context.Context, *service.Base) (service.Parts, error) {
				return service.Parts{
					API:   answer(""),
					Tasks: []service.Task{func(context.Context) error { return broken }},
					Close: func() { panic("stuck") },
				}, nil
			},
			want: "close: panic: stuck",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := run(t, config(), c.start).end()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want an error with %q, got %v", c.want, err)
			}
		})
	}
}

func TestAnAddressInUseIsOneClearLine(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for flag, set := range map[string]func(*service.Config){
		"--order-listen":       func(c *service.Config) { c.Listen = taken.Addr().String() },
		"--order-admin-listen": func(c *service.Config) { c.AdminListen = taken.Addr().String() },
	} {
		c := config()
		c.FlagPrefix = "order-"
		set(&c)
		err := service.Run(t.Context(), "test", c, slog.New(slog.DiscardHandler), nil)
		if want := flag + ": " + taken.Addr().String() + " is in use by another process; stop it or choose another address"; err == nil || err.Error() != want {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestLoopbackOverIPv6(t *testing.T) {
	t.Parallel()
	if probe, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Logf("not tested, this machine has no IPv6: %v", err)
		return
	} else {
		probe.Close()
	}
	c := config()
	c.Listen = "[::1]:0"
	r := run(t, c, func(context.Context, *service.Base) (service.Parts, error) {
		return service.Parts{API: answer("served")}, nil
	})
	r.awaitStatus(r.api, 200)
}
