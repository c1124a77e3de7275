package load

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// Paced is a load that begins work at a fixed rate, whether or not what was begun before is done: a server that falls
// behind is not spared. A latency counts from when the work was due, so that waiting for a free worker is part of it.
type Paced struct {
	Rate     int           // a second
	Workers  int           // how much may be under way
	Warmup   time.Duration // before anything counts
	Duration time.Duration
	// Work does one piece and returns when it is done. A worker's calls come one after the other.
	Work func(ctx context.Context, worker int) error
}

// Run applies the load.
func (p Paced) Run(ctx context.Context) (Result, error) {
	group, ctx := errgroup.WithContext(ctx)
	from := time.Now().Add(p.Warmup)
	until := from.Add(p.Duration)
	due := make(chan time.Time, p.Rate) // a second's worth may wait for a worker
	group.Go(func() error {
		defer close(due)
		return p.schedule(ctx, due, until)
	})
	latencies := make([]Latencies, p.Workers)
	for i := range p.Workers {
		group.Go(func() error {
			for at := range due {
				if err := p.Work(ctx, i); err != nil {
					return err
				}
				if at.After(from) {
					latencies[i] = append(latencies[i], time.Since(at))
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return Result{}, err
	}
	result := Result{Duration: p.Duration, Latencies: merge(latencies)}
	result.Answered = len(result.Latencies)
	return result, nil
}

func (p Paced) schedule(ctx context.Context, due chan<- time.Time, until time.Time) error {
	interval := time.Second / time.Duration(p.Rate)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for at := time.Now(); at.Before(until); at = at.Add(interval) {
		timer.Reset(time.Until(at))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case due <- at:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
