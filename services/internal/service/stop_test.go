package service

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// memory is a listener without a network, so that the time of a bubble goes by for who talks over it.
type memory struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newMemory() *memory { return &memory{make(chan net.Conn), make(chan struct{})} }

func (l *memory) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memory) Close() error   { close(l.closed); return nil }
func (l *memory) Addr() net.Addr { return &net.TCPAddr{} }

func (l *memory) dial() (net.Conn, error) {
	client, served := net.Pipe()
	select {
	case l.conns <- served:
		return client, nil
	case <-l.closed:
		return nil, errors.New("connection refused")
	}
}

// served is a service that runs in a bubble, at http://api and http://admin.
type served struct {
	t      *testing.T
	client *http.Client
	stop   context.CancelFunc
	end    func() error // stops it and waits
}

func serve(t *testing.T, drainDelay time.Duration, parts Parts) *served {
	t.Helper()
	listening := map[string]*memory{"api:80": newMemory(), "admin:80": newMemory()}
	network := &http.Transport{DialContext: func(_ context.Context, _, address string) (net.Conn, error) { return listening[address].dial() }}
	ctx, stop := context.WithCancel(t.Context())
	f := newFrame(ctx, "test", Config{DrainDelay: drainDelay}, slog.New(slog.DiscardHandler))
	ended := make(chan error, 1)
	go func() {
		ended <- f.run(listeners{listening["api:80"], listening["admin:80"]}, func(_ context.Context, base *Base) (Parts, error) {
			base.Health.Open("database")
			return parts, nil
		})
	}()
	end := sync.OnceValue(func() error { stop(); return <-ended })
	t.Cleanup(func() { _ = end(); network.CloseIdleConnections(); synctest.Wait() })
	synctest.Wait()
	return &served{t, &http.Client{Transport: network}, stop, end}
}

func (s *served) get(url string) *http.Response {
	s.t.Helper()
	response, err := s.client.Get(url)
	if err != nil {
		s.t.Fatal(err)
	}
	return response
}

// status is that of an answer, read whole.
func (s *served) status(url string) int {
	s.t.Helper()
	response := s.get(url)
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

func TestTheEndIsOrderly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const drainDelay = 300 * time.Millisecond
		order := make(chan string, 16)
		finish := make(chan struct{})
		api := http.NewServeMux()
		api.HandleFunc("/quick", func(http.ResponseWriter, *http.Request) {})
		api.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-finish:
				order <- "request completed"
			case <-r.Context().Done():
				order <- "request cut off"
			}
		})
		api.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintln(w, "began")
			w.(http.Flusher).Flush()
			<-Draining(r.Context())
			close(finish)
			fmt.Fprintln(w, "ended")
		})
		task := func(ctx context.Context) error {
			<-ctx.Done()
			order <- "task ended"
			return ctx.Err()
		}
		s := serve(t, drainDelay, Parts{API: api, Tasks: []Task{task}, Close: func() { order <- "closed" }})
		response := s.get("http://api/stream")
		defer response.Body.Close()
		lines := bufio.NewScanner(response.Body)
		slow := make(chan int, 1)
		go func() { slow <- s.status("http://api/slow") }()
		synctest.Wait()

		began := time.Now()
		s.stop()
		synctest.Wait()
		for url, want := range map[string]int{"http://admin/readyz": 503, "http://admin/livez": 200, "http://api/quick": 200} {
			if status := s.status(url); status != want {
				t.Errorf("%s within the drain delay: got %d, want %d", url, status, want)
			}
		}
		var said []string
		for lines.Scan() {
			said = append(said, lines.Text())
		}
		if diff := cmp.Diff([]string{"began", "ended"}, said); diff != "" || time.Since(began) != drainDelay {
			t.Errorf("the stream, which ended after %s (-want +got):\n%s", time.Since(began), diff)
		}
		if status := <-slow; status != 200 {
			t.Errorf("the request in flight: got %d", status)
		}
		if err := s.end(); err != nil {
			t.Error(err)
		}
		close(order)
		var happened []string
		for what := range order {
			happened = append(happened, what)
		}
		if diff := cmp.Diff([]string{"request completed", "task ended", "closed"}, happened); diff != "" {
			t.Errorf("what happened (-want +got):\n%s", diff)
		}
	})
}

func TestWhileDrainingEachAnswerEndsItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, time.Second, Parts{API: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})})
		for _, draining := range []bool{false, true} {
			response := s.get("http://api")
			response.Body.Close()
			if response.Close != draining {
				t.Errorf("draining %v, Connection: close %v", draining, response.Close)
			}
			s.stop()
			synctest.Wait()
		}
	})
}

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
