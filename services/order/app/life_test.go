package app_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/order"
)

func TestTheLifeOfAnOrder(t *testing.T) {
	t.Parallel()
	eachSystem(t, func(t *testing.T, brokers kafka.Config, databaseURL string) {
		testenv.Topics(t, brokers, 3)
		r := start(t, brokers, databaseURL, patient)
		others := connect(t, brokers, event.TopicOrderCreated)

		reserved, failed := r.place(), r.place()
		stranger := others.created(reserved)
		stranger.EventID = "0191d2c4-1b2a-4c3d-8e4f-5a6b7c8d9e0f"
		others.send(outcome(stranger, event.StatusRejected)) // caused by no event of ours
		others.send(outcome(others.created(reserved), event.StatusReserved), letter(others.created(failed)))
		r.until("the orders are RESERVED and FAILED", func() bool { return r.status(reserved) == order.Reserved && r.status(failed) == order.Failed })
		others.send(outcome(others.created(failed), event.StatusRejected))
		r.until("the failed one is decided after all", func() bool { return r.status(failed) == order.Rejected })
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestARecordThatCannotBeReadGoesToTheDeadLettersOnceAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	eachSystem(t, func(t *testing.T, brokers kafka.Config, databaseURL string) {
		testenv.Topics(t, brokers, 1)
		r := start(t, brokers, databaseURL, patient)
		others := connect(t, brokers, event.TopicOrderCreated)
		letters := connect(t, brokers, event.TopicDeadLetter)
		created := others.created(r.place())
		others.send(&kgo.Record{Topic: event.TopicInventoryReserved, Key: []byte("7"), Value: []byte("garbage")},
			&kgo.Record{Topic: event.TopicDeadLetter, Key: []byte("8"), Value: []byte("garbage")},
			outcome(created, event.StatusReserved))
		r.until("the outcome behind is applied", func() bool { return r.status(created.OrderID) == order.Reserved })
		r.until("the unreadable outcome is kept", func() bool { return len(letters.records(7)) == 1 })
		origin := kafka.HeaderValue(letters.records(7)[0], kafka.HeaderOriginalGroup)
		if string(origin) != event.GroupOrder {
			t.Fatalf("given up by %q", origin)
		}
		if n := len(letters.records(8)); n != 1 {
			t.Fatalf("an unreadable dead letter is there %d times", n)
		}
	})
}

// Two replicas on one database take the same keys in any order, and answer each key with one order.
func TestTwoReplicasAgreeOnIdempotencyKeys(t *testing.T) {
	t.Parallel()
	brokers, url := testenv.RealKafka(t), testenv.PostgreSQL(t)
	testenv.Topics(t, brokers, 3)
	replicas := []*replica{start(t, brokers, url, patient), start(t, brokers, url, patient)}
	const keys, clients = 300, 16
	var mu sync.Mutex
	answers := map[string]int64{}
	orders := map[int64]bool{}
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			for i := range keys {
				key := fmt.Sprintf("key-%d", (i*(client+1)*7)%keys)
				status, id := replicas[client%2].post("Idempotency-Key", key)
				if status == http.StatusConflict {
					continue // the first is in flight
				}
				mu.Lock()
				if known, seen := answers[key]; status != http.StatusAccepted || (seen && known != id) {
					t.Errorf("%s: %d, order %d, order %d before", key, status, id, known)
				}
				answers[key] = id
				orders[id] = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(orders) != len(answers) {
		t.Fatalf("%d keys made %d orders", len(answers), len(orders))
	}
}

func TestAStreamOfOneReplicaShowsWhatAnotherConsumed(t *testing.T) {
	t.Parallel()
	brokers, url := testenv.RealKafka(t), testenv.PostgreSQL(t)
	testenv.Topics(t, brokers, 4)
	a, b := start(t, brokers, url, patient), start(t, brokers, url, patient)
	others := connect(t, brokers, event.TopicOrderCreated)
	// Each replica consumes some of the partitions, so that of these orders each consumes some.
	var ids []int64
	var streams sync.WaitGroup
	for range 12 {
		id := a.place()
		ids = append(ids, id)
		for _, r := range []*replica{a, b} {
			streams.Go(func() { r.expectStream(id, "PENDING", "RESERVED") })
		}
	}
	for _, id := range ids {
		others.send(outcome(others.created(id), event.StatusReserved))
	}
	streams.Wait()
}

// expectStream reads an order's events to their end.
func (r *replica) expectStream(id int64, want ...string) {
	client := &http.Client{Timeout: 2 * time.Minute}
	response, err := client.Get(fmt.Sprintf("%s/api/orders/%d/events", r.api, id))
	if err != nil {
		r.Error(err)
		return
	}
	defer response.Body.Close()
	var got []string
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if _, rest, found := strings.Cut(lines.Text(), `"status":"`); found {
			got = append(got, rest[:strings.Index(rest, `"`)])
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		r.Errorf("order %d: got %v, want %v", id, got, want)
	}
}
