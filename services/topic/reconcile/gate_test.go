package reconcile_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
)

// gate counts what the controller writes, and can be closed as by kill -9.
type gate struct {
	next   http.RoundTripper
	mu     sync.Mutex
	counts map[string]int
	open   int               // writes under way
	before func(what string) // called before a write goes through
	read   func()            // called once, before a read goes through
	lost   string            // what is answered once as a proxy does that does not know the way
	last   bool              // closed once the request under way is answered
	closed bool
}

var errClosed = errors.New("the controller is dead")

func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	what := kind(req)
	g.mu.Lock()
	before, read := g.before, g.read
	if what == "read" {
		g.read = nil
	}
	if what == "status" || what == "finalizer" {
		g.open++
		defer func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.open--
		}()
	}
	g.mu.Unlock()
	if read != nil && what == "read" {
		read()
	}
	if before != nil && what != "read" {
		before(what)
	}
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return nil, errClosed
	}
	if what == g.lost {
		g.lost = ""
		g.mu.Unlock()
		return &http.Response{StatusCode: http.StatusNotFound, Body: http.NoBody, Header: http.Header{}, Request: req}, nil
	}
	g.mu.Unlock()
	resp, err := g.next.RoundTrip(req)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, errClosed
	}
	if err == nil && resp.StatusCode < 300 {
		g.counts[what]++
	}
	if g.last && what != "read" && what != "watch" {
		g.closed = true
		return nil, errClosed
	}
	return resp, err
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

func (g *gate) closeAfter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = true
}

func (g *gate) onRead(read func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.read = read
}

func (g *gate) on(before func(what string)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.before = before
}

func (g *gate) lose(what string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lost = what
}

// writes is how many writes to KafkaTopics there were.
func (g *gate) writes() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.counts["status"] + g.counts["finalizer"]
}

// writing tells whether a write to a KafkaTopic is under way.
func (g *gate) writing() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open > 0
}

// reads is how many reads there were that no cache answered.
func (g *gate) reads() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.counts["read"]
}

// requests is all but watches and what concerns events and leases.
func (g *gate) requests() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.counts["status"] + g.counts["finalizer"] + g.counts["read"]
}

func kind(req *http.Request) string {
	path := req.URL.Path
	switch {
	case strings.Contains(path, "/events"):
		return "event"
	case req.Method == http.MethodGet && req.URL.Query().Get("watch") != "":
		return "watch"
	case req.Method == http.MethodGet:
		return "read"
	case strings.HasSuffix(path, "/status"):
		return "status"
	case strings.Contains(path, "kafkatopics"):
		return "finalizer"
	}
	return "other"
}
