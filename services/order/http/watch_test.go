package http_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/order"
	"github.com/openorder/openorder/services/order/storetest"
)

// follow opens a stream, and returns what reads its next event: "1 PENDING", or "" at its end.
func (r *replica) follow(t *testing.T, id int64, headers ...string) (next func() string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "GET", fmt.Sprintf("%s/api/orders/%d/events", r.url, id), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", response.StatusCode, response.Header)
	}
	lines := bufio.NewScanner(response.Body)
	return func() string {
		last := ""
		for lines.Scan() {
			if seq, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				last = seq
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var entry struct {
					Seq    int
					Status string
				}
				if err := json.Unmarshal([]byte(data), &entry); err != nil || fmt.Sprint(entry.Seq) != last {
					t.Fatalf("id %s, data %s: %v", last, data, err)
				}
				return last + " " + entry.Status
			}
		}
		return ""
	}
}

func all(next func() string) (events []string) {
	for e := next(); e != ""; e = next() {
		events = append(events, e)
	}
	return events
}

func TestAStreamShowsTheHistoryAndThenChangesOfAnyReplica(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, storeA, storeB order.Store) {
		a, b := serve(t, storeA), serve(t, storeB)
		id := a.place(t)
		onA, onB := a.follow(t, id), b.follow(t, id)
		for _, next := range []func() string{onA, onB} {
			if e := next(); e != "1 PENDING" {
				t.Fatal(e)
			}
		}
		b.report(t, id, order.DeadLettered, event.GroupInventory)
		for _, next := range []func() string{onA, onB} {
			if e := next(); e != "2 FAILED" {
				t.Fatal(e)
			}
		}
		resumed := b.follow(t, id, "Last-Event-ID", "1") // got from a
		if e := resumed(); e != "2 FAILED" {
			t.Fatal("resumed on another replica: ", e)
		}
		a.report(t, id, order.WasReserved, "")
		if diff := cmp.Diff([]string{"3 RESERVED"}, all(resumed)); diff != "" {
			t.Fatal("resumed on another replica:", diff)
		}
		for _, next := range []func() string{onA, onB} {
			if diff := cmp.Diff([]string{"3 RESERVED"}, all(next)); diff != "" {
				t.Fatal(diff)
			}
		}
		if diff := cmp.Diff([]string{"1 PENDING", "2 FAILED", "3 RESERVED"}, all(b.follow(t, id))); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestAStreamResumes(t *testing.T) {
	t.Parallel()
	r := setup(t)
	id := r.place(t)
	r.report(t, id, order.DeadLettered, event.GroupInventory)
	r.report(t, id, order.WasReserved, "")
	for last, want := range map[string][]string{
		"1": {"2 FAILED", "3 RESERVED"}, "2": {"3 RESERVED"},
		"what is that": {"1 PENDING", "2 FAILED", "3 RESERVED"}, "-1": {"1 PENDING", "2 FAILED", "3 RESERVED"},
	} {
		if diff := cmp.Diff(want, all(r.follow(t, id, "Last-Event-ID", last))); diff != "" {
			t.Errorf("after %s: %s", last, diff)
		}
	}
}

func TestAFinishedStreamIsNotOpenedAgain(t *testing.T) {
	t.Parallel()
	r := setup(t)
	id := r.place(t)
	r.report(t, id, order.WasReserved, "")
	for last, status := range map[string]int{"1": 200, "2": 204, "99": 204} {
		if a := r.call(t, "GET", fmt.Sprintf("/api/orders/%d/events", id), "", "Last-Event-ID", last); a.status != status {
			t.Errorf("after %s: %d, want %d", last, a.status, status)
		}
	}
}

func TestAStreamEndsWhenTheServiceDrains(t *testing.T) {
	t.Parallel()
	r := setup(t)
	next := r.follow(t, r.place(t))
	if e := next(); e != "1 PENDING" {
		t.Fatal(e)
	}
	close(r.draining)
	if e := next(); e != "" {
		t.Fatal(e)
	}
}
