package load

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// Closed is a load of connections that each send the next request when the last is answered.
type Closed struct {
	Address     string
	Connections int
	Warmup      time.Duration // before anything counts
	Duration    time.Duration
	WantStatus  int
	// Request renders the n-th request of a connection into dst[:0].
	Request func(dst []byte, connection, n int) []byte
}

// Result is what a load found.
type Result struct {
	Answered  int // as wanted, while it counted
	All       int // as wanted, the warm-up included
	Duration  time.Duration
	Latencies Latencies // sorted
}

// Rate is answers a second.
func (r Result) Rate() float64 { return float64(r.Answered) / r.Duration.Seconds() }

// Run applies the load. An answer with another status than wanted ends it: what is measured must be work done.
func (c Closed) Run(ctx context.Context) (Result, error) {
	conns := make([]*Conn, c.Connections)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // closes the connections
	for i := range conns {
		conn, err := Dial(ctx, c.Address)
		if err != nil {
			return Result{}, err
		}
		conns[i] = conn
	}
	latencies := make([]Latencies, c.Connections)
	all := make([]int, c.Connections)
	from := time.Now().Add(c.Warmup)
	until := from.Add(c.Duration)
	var group errgroup.Group
	for i, conn := range conns {
		group.Go(func() (err error) {
			latencies[i], all[i], err = c.drive(conn, i, from, until)
			if err != nil {
				cancel()
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Result{}, err
	}
	result := Result{Duration: c.Duration, Latencies: merge(latencies)}
	result.Answered = len(result.Latencies)
	for _, n := range all {
		result.All += n
	}
	return result, nil
}

// drive keeps one connection busy. What is answered between from and until counts.
func (c Closed) drive(conn *Conn, number int, from, until time.Time) (Latencies, int, error) {
	latencies := make(Latencies, 0, 4096)
	var request []byte
	for n := 0; ; n++ {
		request = c.Request(request[:0], number, n)
		sent := time.Now()
		if sent.After(until) {
			return latencies, n, nil
		}
		status, body, err := conn.Do(request)
		if err != nil {
			return nil, 0, fmt.Errorf("request %d of connection %d: %w", n, number, err)
		}
		if status != c.WantStatus {
			return nil, 0, fmt.Errorf("request %d of connection %d: status %d: %s", n, number, status, body)
		}
		answered := time.Now()
		if answered.After(from) && answered.Before(until) {
			latencies = append(latencies, answered.Sub(sent))
		}
	}
}
