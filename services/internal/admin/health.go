// Package admin is what a service shows to those who run it: probes, metrics and, on request, pprof.
package admin

import (
	"maps"
	"slices"
	"sync"
)

// Health is what the probes answer from. It is safe for concurrent use.
//
// Only what makes requests fail for good counts for readiness: a gate that has not opened yet, or a drain. Reports are
// shown under /readyz?verbose and take no pod out, for a pod that is taken out helps nobody when the brokers are gone.
type Health struct {
	mu       sync.Mutex
	gates    map[string]bool
	reports  map[string]string
	draining bool
}

// NewHealth returns a Health that is ready once each of the gates has opened.
func NewHealth(gates ...string) *Health {
	h := &Health{gates: map[string]bool{}, reports: map[string]string{}}
	for _, gate := range gates {
		h.gates[gate] = false
	}
	return h
}

// Open opens a gate. It stays open.
func (h *Health) Open(gate string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gates[gate] = true
	delete(h.reports, gate)
}

// Report shows what the service waits for under a name; nil clears it.
func (h *Health) Report(name string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		delete(h.reports, name)
		return
	}
	h.reports[name] = err.Error()
}

// Drain makes the service not ready, for good.
func (h *Health) Drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.draining = true
}

// Ready tells whether requests can be served, and what is waited for, a line each.
func (h *Health) Ready() (bool, []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ready := !h.draining
	var lines []string
	if h.draining {
		lines = append(lines, "draining: the service is stopping")
	}
	for _, gate := range slices.Sorted(maps.Keys(h.gates)) {
		if !h.gates[gate] {
			ready = false
			if h.reports[gate] == "" {
				lines = append(lines, gate+": not reached yet")
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.reports)) {
		lines = append(lines, name+": "+h.reports[name])
	}
	return ready, lines
}
