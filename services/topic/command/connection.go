package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/cluster"
)

// Connection is the flags that say which cluster.
type Connection struct {
	Kafka   kafka.Config
	Timeout time.Duration
}

// AddFlags registers the flags.
func (c *Connection) AddFlags(f *pflag.FlagSet) {
	c.Kafka.AddFlags(f)
	f.DurationVar(&c.Timeout, "timeout", 30*time.Second, "How long to go on trying at most.")
}

// Validate reports everything that is wrong, each with its flag.
func (c *Connection) Validate() error {
	err := c.Kafka.Validate()
	if c.Timeout <= 0 {
		err = errors.Join(err, fmt.Errorf("--timeout: %s is not positive", c.Timeout))
	}
	return err
}

// session is a connection in use.
type session struct {
	*cluster.Cluster
	kafka   kafka.Config
	timeout time.Duration
}

func (c *Connection) open() (*session, error) {
	if missing := c.Kafka.MissingFile(); missing != "" {
		return nil, fmt.Errorf("there is no file %s, which the settings of the brokers name", missing)
	}
	opened, err := cluster.Open(c.Kafka, slog.New(slog.DiscardHandler), prometheus.NewRegistry(), func(error) {})
	if err != nil {
		return nil, err
	}
	return &session{opened, c.Kafka, c.Timeout}, nil
}

// persist asks again while the brokers do not agree with each other yet, or are busy.
func persist[A any](ctx context.Context, ask func(context.Context) (A, error)) (A, error) {
	var last error
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		answer, err := ask(ctx)
		if err == nil || !cluster.Is(err, cluster.Unsettled) && !cluster.Is(err, cluster.Throttled) {
			if ctx.Err() != nil && last != nil {
				err = last // why it was asked again says more than that the time is over
			}
			return answer, err
		}
		last = err
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return answer, err
		}
	}
}

// explain says what was tried, why it failed, and what to do about it. right is what the user must be allowed to do.
func (s *session) explain(tried, right string, err error) error {
	e := cluster.AsError(err)
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: interrupted", tried)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: the brokers at %s did not answer within %s; run it again, with a longer --timeout", tried, s.kafka.Brokers, s.timeout)
	case e.Code == "SASL_AUTHENTICATION_FAILED":
		return fmt.Errorf("%s: %w; check --kafka-sasl-username and its password", tried, err)
	case e.Kind == cluster.Unavailable:
		return fmt.Errorf("%s: %w", tried, s.kafka.Unreachable(err))
	case e.Kind == cluster.Denied:
		return fmt.Errorf("%s: %w; have somebody grant the user %s", tried, err, right)
	case e.Kind == cluster.Unsettled || e.Kind == cluster.Throttled:
		return fmt.Errorf("%s: %w; run it again, with a longer --timeout", tried, err)
	}
	return fmt.Errorf("%s: %w", tried, err)
}

// describe asks about a topic, nil when there is none.
func (s *session) describe(ctx context.Context, q cluster.Query) (*topic.Topic, error) {
	return persist(ctx, func(ctx context.Context) (*topic.Topic, error) { return s.Describe(ctx, q) })
}

// shown is a topic that is known to exist, as soon as the brokers show it.
func (s *session) shown(ctx context.Context, name string) (*topic.Topic, error) {
	return persist(ctx, func(ctx context.Context) (*topic.Topic, error) {
		shown, err := s.Describe(ctx, cluster.Query{Name: name})
		if err == nil && shown == nil {
			err = cluster.Unknown(name + " was made a moment ago and is not shown by the brokers yet")
		}
		return shown, err
	})
}
