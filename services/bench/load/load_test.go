package load

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestPercentileIsTheNearestRank(t *testing.T) {
	t.Parallel()
	hundred := make(Latencies, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for p, want := range map[float64]time.Duration{0: 1, 1: 1, 50: 50, 99: 99, 99.5: 100, 100: 100} {
		if got := hundred.Percentile(p); got != want {
			t.Errorf("percentile %v of 1..100 is %v, want %v", p, got, want)
		}
	}
	if got := (Latencies{}).Percentile(99); got != 0 {
		t.Errorf("percentile of nothing is %v", got)
	}
}

func TestAsManyAsAPercentileSaysAreNotAboveIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var parts []Latencies
		for _, part := range rapid.SliceOfN(rapid.SliceOf(rapid.Int64Range(0, 1000)), 1, 5).Draw(t, "latencies") {
			var l Latencies
			for _, v := range part {
				l = append(l, time.Duration(v))
			}
			parts = append(parts, l)
		}
		all := merge(parts)
		p := rapid.Float64Range(0.1, 100).Draw(t, "p")
		bound := all.Percentile(p)
		below := 0
		for _, l := range all {
			if l <= bound {
				below++
			}
		}
		if float64(below) < p/100*float64(len(all))-1e-9 {
			t.Fatalf("%d of %d are not above percentile %v", below, len(all), p)
		}
	})
}

func TestClosedLoadCountsWhatWasAnswered(t *testing.T) {
	t.Parallel()
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	address := server.Listener.Addr().String()
	load := Closed{
		Address: address, Connections: 4, Warmup: 20 * time.Millisecond, Duration: 100 * time.Millisecond, WantStatus: http.StatusAccepted,
		Request: func(dst []byte, _, _ int) []byte { return AppendGet(dst, address, "/") },
	}
	result, err := load.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if int64(result.All) != served.Load() {
		t.Errorf("counted %d answers of %d", result.All, served.Load())
	}
	if len(result.Latencies) != result.Answered {
		t.Errorf("%d answers count, with %d latencies", result.Answered, len(result.Latencies))
	}
}

// steady is a connection whose answers take 10 ms each.
type steady struct{ io.Reader }

func (s *steady) Write(p []byte) (int, error) {
	time.Sleep(10 * time.Millisecond)
	s.Reader = strings.NewReader("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
	return len(p), nil
}

func (s *steady) Close() error { return nil }

func TestClosedLoadCountsNoAnswerOfTheWarmUpAndNoneThatIsLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		load := Closed{WantStatus: http.StatusAccepted, Request: func(dst []byte, _, _ int) []byte { return dst }}
		from := time.Now().Add(25 * time.Millisecond)
		latencies, all, err := load.drive(newConn(&steady{}), 0, from, from.Add(80*time.Millisecond))
		if err != nil || all != 11 || len(latencies) != 8 { // those of 30 to 100 ms
			t.Errorf("%d answers count, of %d in all: %v", len(latencies), all, err)
		}
	})
}

func TestClosedLoadEndsWithAnAnswerThatIsNotTheWantedOne(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	address := server.Listener.Addr().String()
	_, err := Closed{
		Address: address, Connections: 2, Duration: time.Minute, WantStatus: http.StatusAccepted,
		Request: func(dst []byte, _, _ int) []byte { return AppendGet(dst, address, "/") },
	}.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("got %v, want the status", err)
	}
}

func TestPacedLoadKeepsItsPaceAndCountsTheWaitForAWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result, err := Paced{
			Rate: 100, Workers: 1, Duration: time.Second,
			Work: func(ctx context.Context, _ int) error {
				select { // twice as long as the pace allows
				case <-time.After(20 * time.Millisecond):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			},
		}.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := result.Answered; got < 99 || got > 100 {
			t.Errorf("%d pieces of work in a second at 100/s", got)
		}
		if slowest := result.Latencies.Percentile(100); slowest < 990*time.Millisecond {
			t.Errorf("the last piece took %v from when it was due, although the worker was a second behind", slowest)
		}
	})
}

func TestPacedLoadEndsWithTheFirstError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		_, err := Paced{Rate: 100, Workers: 3, Duration: time.Hour, Work: func(context.Context, int) error { return broken }}.Run(t.Context())
		if !errors.Is(err, broken) {
			t.Errorf("got %v, want %v", err, broken)
		}
	})
}
