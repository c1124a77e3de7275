package bench

import (
	"context"
	"fmt"
	"time"
)

// progress is how a topic grew.
type progress []sample

type sample struct {
	at      time.Time
	records int64
}

const (
	followInterval = 20 * time.Millisecond
	followPatience = time.Minute // without any growth
)

// follow watches a topic grow from the moment before its first record to as many as are wanted. It asks the brokers for offsets alone, so
// it costs next to nothing.
func (k *cluster) follow(ctx context.Context, topic string, want int64, gone <-chan struct{}) (progress, error) {
	ticker := time.NewTicker(followInterval)
	defer ticker.Stop()
	var seen progress
	var before int64
	grown := time.Now()
	for {
		records, err := k.records(ctx, topic)
		if err != nil {
			return nil, err
		}
		now := time.Now()
		if records > before {
			before, grown = records, now
		}
		if records == 0 {
			seen = seen[:0] // but for the last sample before the first record
		}
		seen = append(seen, sample{now, records})
		if records >= want {
			return seen, nil
		}
		if now.Sub(grown) > followPatience {
			return nil, fmt.Errorf("%s has %d of %d records and has not grown for %s", topic, records, want, followPatience)
		}
		select {
		case <-ticker.C:
		case <-gone:
			return nil, fmt.Errorf("the process ended when %s had %d of %d records", topic, records, want)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// since leaves out what was before a time.
func (p progress) since(t time.Time) progress {
	for i := range p {
		if !p[i].at.Before(t) {
			return p[i:]
		}
	}
	return nil
}

// rate is records a second, from the first sample to the last.
func (p progress) rate() float64 {
	if len(p) < 2 {
		return 0
	}
	first, last := p[0], p[len(p)-1]
	return float64(last.records-first.records) / last.at.Sub(first.at).Seconds()
}
