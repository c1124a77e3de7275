package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/service"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/order"
	"github.com/openorder/openorder/services/order/app"
)

const (
	brokersVariable  = "OPENORDER_ORDER_CHILD_BROKERS"
	databaseVariable = "OPENORDER_ORDER_CHILD_DATABASE"
)

// TestMain makes this binary a service to be killed, where it is told to be one.
func TestMain(m *testing.M) {
	if os.Getenv(brokersVariable) == "" {
		os.Exit(m.Run())
	}
	config := &app.Config{
		Kafka: kafka.Config{Brokers: os.Getenv(brokersVariable)}, Database: database.Config{URL: os.Getenv(databaseVariable)},
		Timing: order.Timing{Lease: time.Second, Place: time.Minute},
		Service: service.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", OnListen: func(api, admin net.Addr) {
			_, _ = os.Stdout.WriteString("http://" + api.String() + " http://" + admin.String() + "\n")
		}},
	}
	if err := config.Run(context.Background(), slog.Default()); err != nil {
		slog.Error("child", "error", err)
		os.Exit(1)
	}
}

// child starts a service as a process of its own. It does not outlive the test.
func child(t *testing.T, brokers kafka.Config, databaseURL string) (*replica, *os.Process) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), brokersVariable+"="+brokers.Brokers, databaseVariable+"="+databaseURL)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{T: t}
	r.api, r.admin, _ = strings.Cut(strings.TrimSpace(line), " ")
	r.until("the child is ready", func() bool {
		response, err := http.Get(r.admin + "/readyz")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return r, cmd.Process
}

// Whatever a killed process had answered with 202 is published by the next one.
func TestKilledUnderLoadNothingAcknowledgedIsLost(t *testing.T) {
	t.Parallel()
	eachSystem(t, func(t *testing.T, brokers kafka.Config, databaseURL string) {
		testenv.Topics(t, brokers, 3)
		var mu sync.Mutex
		acknowledged := map[int64]bool{}
		for range 3 {
			r, process := child(t, brokers, databaseURL)
			var clients sync.WaitGroup
			answered := make(chan struct{}, 100_000)
			for range 16 {
				clients.Go(func() {
					for {
						id, alive := r.tryPlace()
						if !alive {
							return
						}
						mu.Lock()
						if acknowledged[id] {
							t.Errorf("order id %d was given twice", id)
						}
						acknowledged[id] = true
						mu.Unlock()
						answered <- struct{}{}
					}
				})
			}
			for range 500 {
				<-answered
			}
			if err := process.Kill(); err != nil {
				t.Fatal(err)
			}
			clients.Wait()
		}
		start(t, brokers, databaseURL, patient)
		others := connect(t, brokers, event.TopicOrderCreated)
		for id := range acknowledged {
			others.created(id)
		}
	})
}

// tryPlace places an order, and tells whether the service still answers.
func (r *replica) tryPlace() (id int64, alive bool) {
	response, err := http.Post(r.api+"/api/orders", "application/json", strings.NewReader(`{"userId":42,"items":[{"sku":"ABC-001","qty":2}]}`))
	if err != nil {
		return 0, false
	}
	defer response.Body.Close()
	var placed struct{ OrderID int64 }
	err = json.NewDecoder(response.Body).Decode(&placed)
	return placed.OrderID, err == nil && response.StatusCode == http.StatusAccepted
}
