package smoke

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// shop answers like the order service. It is a RoundTripper, so that synctest's clock runs.
type shop struct {
	mu      sync.Mutex
	orders  map[string]bool // by Idempotency-Key
	post    func(n int) (*http.Response, error)
	posts   int
	path    string // of the last of them
	status  string
	decided time.Time
}

func (s *shop) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodGet {
		if time.Now().Before(s.decided) {
			return answer(200, `{"orderId":7,"status":"PENDING"}`), nil
		}
		return answer(200, `{"orderId":7,"status":"`+s.status+`"}`), nil
	}
	s.posts++
	s.path = r.URL.Path
	if s.post != nil {
		if response, err := s.post(s.posts); response != nil || err != nil {
			return response, err
		}
	}
	s.orders[r.Header.Get("Idempotency-Key")] = true
	return answer(202, `{"orderId":7,"status":"PENDING"}`), nil
}

func answer(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func setup() (*shop, *Command) {
	s := &shop{orders: map[string]bool{}, status: "RESERVED"}
	return s, &Command{
		OrderURL: "http://shop", SKU: "ABC-001", Quantity: 1, UserID: 42, Expect: []string{"RESERVED", "REJECTED"},
		Count: 1, Rate: 20, Timeout: time.Minute, transport: s,
	}
}

func TestSmoke(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		arrange func(*shop, *Command)
		wantErr string // empty: none
		wantOut string
		orders  int
	}{
		"an order is followed to its outcome": {
			arrange: func(s *shop, _ *Command) { s.decided = time.Now().Add(3 * time.Second) },
			wantOut: "RESERVED 1", orders: 1,
		},
		"an outcome that was not expected is a failure": {
			arrange: func(s *shop, _ *Command) { s.status = "FAILED" },
			wantErr: "ended FAILED", wantOut: "FAILED 1", orders: 1,
		},
		"no outcome in time is a failure that names the status": {
			arrange: func(s *shop, _ *Command) { s.decided = time.Now().Add(time.Hour) },
			wantErr: "still PENDING", wantOut: "1 failed", orders: 1,
		},
		"Retry-After is waited out and is no failure": {
			arrange: func(s *shop, _ *Command) {
				s.post = func(n int) (*http.Response, error) {
					if n < 3 {
						return answer(503, "", "Retry-After", "2"), nil
					}
					return nil, nil
				}
			},
			wantOut: "put off by Retry-After 2 times", orders: 1,
		},
		"a connection that broke is tried again under the same key": {
			arrange: func(s *shop, _ *Command) {
				s.post = func(n int) (*http.Response, error) {
					if n == 1 {
						return nil, errors.New("connection reset")
					}
					return nil, nil
				}
			},
			wantOut: "broken connection 1 times", orders: 1,
		},
		"when strict, a connection that broke is a failure": {
			arrange: func(s *shop, c *Command) {
				c.Strict = true
				s.post = func(n int) (*http.Response, error) {
					if n == 1 {
						return nil, errors.New("connection reset")
					}
					return nil, nil
				}
			},
			wantErr: "met a broken connection", wantOut: "RESERVED 1", orders: 1,
		},
		"a refusal is not tried again": {
			arrange: func(s *shop, _ *Command) {
				s.post = func(int) (*http.Response, error) { return answer(422, `{"title":"unknown field"}`), nil }
			},
			wantErr: "refused with 422", wantOut: "1 failed",
		},
		"a duration places orders at the rate": {
			arrange: func(_ *shop, c *Command) { c.Duration = 10 * time.Second },
			wantOut: "200 orders", orders: 200,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, command := setup()
				c.arrange(s, command)
				var out bytes.Buffer
				err := command.Run(t.Context(), &out)
				if (c.wantErr == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.wantErr) {
					t.Errorf("got error %v, want %q", err, c.wantErr)
				}
				if !strings.Contains(out.String(), c.wantOut) {
					t.Errorf("printed %q, want %q in it", out.String(), c.wantOut)
				}
				if len(s.orders) != c.orders {
					t.Errorf("%d orders were placed, want %d", len(s.orders), c.orders)
				}
			})
		})
	}
}

func TestValidateNamesEveryWrongFlag(t *testing.T) {
	t.Parallel()
	_, command := setup()
	if err := command.Validate(); err != nil {
		t.Errorf("refused: %v", err)
	}
	command.OrderURL, command.Rate, command.Count, command.Expect = "shop", 0, 0, []string{"PENDING"}
	err := command.Validate()
	for _, flag := range []string{"--order-url", "--rate", "--count", "--expect"} {
		if err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("got %v, want %s named", err, flag)
		}
	}
}

func TestNoRateOrDurationPlacesOrdersWithoutEndOrCannotTick(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{-1, 1e-300, 1e10, math.NaN(), math.Inf(1)} {
		_, command := setup()
		command.Rate = rate
		if err := command.Validate(); err == nil || !strings.Contains(err.Error(), "--rate") {
			t.Errorf("--rate=%g: %v", rate, err)
		}
	}
	_, command := setup()
	command.Duration = -time.Second
	if err := command.Validate(); err == nil || !strings.Contains(err.Error(), "--duration") {
		t.Errorf("--duration=-1s: %v", err)
	}
}

func TestTheServicesURLMayEndInASlash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, command := setup()
		command.OrderURL += "/"
		if err := command.Run(t.Context(), io.Discard); err != nil {
			t.Error(err)
		}
		if s.path != "/api/orders" {
			t.Errorf("it posts to %s", s.path)
		}
	})
}

func TestConnectionsThatWereUsedAtATimeAreUsedAgain(t *testing.T) {
	t.Parallel()
	const atATime = 10
	var opened atomic.Int32
	arrived, all := make(chan struct{}), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-all
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"orderId":7}`)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := &client{base: server.URL, http: &http.Client{Transport: connections()}}
	for range 2 {
		var requests sync.WaitGroup
		for range atATime {
			requests.Go(func() {
				if _, err := client.post(t.Context(), `"key"`, []byte("{}")); err != nil {
					t.Error(err)
				}
			})
		}
		for range atATime {
			<-arrived
		}
		for range atATime {
			all <- struct{}{}
		}
		requests.Wait()
	}
	if opened.Load() != atATime {
		t.Errorf("%d connections were opened for %d requests at a time", opened.Load(), atATime)
	}
}
