package app_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/order"
)

// slowDisk makes each transaction that takes orders commit no sooner than after two seconds.
const slowDisk = `
	CREATE FUNCTION order_service.wait() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF current_setting('test.waited', true) IS DISTINCT FROM txid_current()::text THEN
			PERFORM set_config('test.waited', txid_current()::text, true);
			PERFORM pg_sleep(2);
		END IF;
		RETURN NULL;
	END $$;
	CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON order_service.orders DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION order_service.wait()`

// A disk so slow takes 512 orders a second: with 3,000 clients that go on asking, whoever is not in a group within three
// seconds is told to come back.
func TestWhoeverASlowDiskCannotServeInTimeIsToldToComeBack(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	testenv.Topics(t, brokers, 1)
	database := testenv.PostgreSQL(t)
	r := start(t, brokers, database, order.Timing{})
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), slowDisk); err != nil {
		t.Fatal(err)
	}

	var answers answers
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 3000}}
	defer client.CloseIdleConnections()
	giveUp := time.Now().Add(time.Minute)
	var clients sync.WaitGroup
	for range 3000 {
		clients.Go(func() {
			for !answers.both() && time.Now().Before(giveUp) {
				began := time.Now()
				status, id, retryAfter := postBy(t, client, r.api)
				answers.add(t, status, id, retryAfter, time.Since(began))
			}
		})
	}
	clients.Wait()
	t.Logf("%d taken, %d refused, the slowest answer after %s", len(answers.taken), answers.refused, answers.slowest)
	if !answers.both() {
		t.Errorf("%d taken, %d refused: want some of each", len(answers.taken), answers.refused)
	}
	if answers.slowest > 20*time.Second { // 3 s to get into a group, 3 s for it, and a busy machine
		t.Errorf("an answer took %s", answers.slowest)
	}
	var kept int
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM order_service.orders WHERE order_id = ANY ($1)`, answers.taken).Scan(&kept); err != nil {
		t.Fatal(err)
	}
	if kept != len(answers.taken) {
		t.Errorf("%d of %d acknowledged orders are kept", kept, len(answers.taken))
	}
}

// answers are what the clients were told.
type answers struct {
	mu      sync.Mutex
	taken   []int64
	refused int
	slowest time.Duration
}

func (a *answers) add(t *testing.T, status int, id int64, retryAfter string, took time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.slowest = max(a.slowest, took)
	switch {
	case status == http.StatusAccepted:
		a.taken = append(a.taken, id)
	case (status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests) && retryAfter != "":
		a.refused++
	default:
		t.Errorf("%d, Retry-After %q", status, retryAfter)
	}
}

// both tells whether one was taken and one refused.
func (a *answers) both() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.taken) > 0 && a.refused > 0
}

func postBy(t *testing.T, client *http.Client, api string) (status int, id int64, retryAfter string) {
	response, err := client.Post(api+"/api/orders", "application/json", bytes.NewReader([]byte(`{"userId":42,"items":[{"sku":"ABC-001","qty":2}]}`)))
	if err != nil {
		t.Error(err)
		return 0, 0, ""
	}
	defer response.Body.Close()
	var placed struct{ OrderID int64 }
	text, err := io.ReadAll(response.Body)
	if err == nil {
		err = json.Unmarshal(text, &placed)
	}
	if err != nil {
		t.Error(err)
	}
	return response.StatusCode, placed.OrderID, response.Header.Get("Retry-After")
}
