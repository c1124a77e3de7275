package kafka

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// handlerFunc handles each batch, and its probe tells of an outage.
type handlerFunc func() ([]Result, error)

func (f handlerFunc) Handle(context.Context, []*Record) ([]Result, error) { return f() }
func (handlerFunc) Probe(context.Context) error                           { return errors.New("away") }

func TestTroubleWithPartitionsThatAreAnothersNowIsNoLongerShown(t *testing.T) {
	t.Parallel()
	at := topicPartition{"orders", 0}
	taken := map[string][]int32{at.topic: {at.partition}}
	away := errors.New("away")
	for when, trouble := range map[string]func(s *session, e *entry){
		"while the batch waits for an outage to end": func(s *session, e *entry) {
			s.c.config.Handler = handlerFunc(func() ([]Result, error) { s.drop(taken); return nil, away })
			s.work(t.Context(), []*entry{e})
		},
		"while its records are produced": func(s *session, e *entry) {
			s.drop(taken)
			s.acknowledged([]emission{{entry: e, records: []*Record{e.record}}}, []error{away})
		},
		"while its records wait for their next attempt": func(s *session, e *entry) {
			s.acknowledged([]emission{{entry: e, records: []*Record{e.record}}}, []error{away})
			s.drop(taken)
		},
	} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			var shown error
			c, err := NewConsumer(ConsumerConfig{
				Kafka: Config{Brokers: "127.0.0.1:1"}, Group: "g", Topics: []string{at.topic}, Log: slog.New(slog.DiscardHandler),
				Metrics: prometheus.NewRegistry(), Report: func(err error) { shown = err },
			})
			if err != nil {
				t.Fatal(err)
			}
			s, err := newSession(c)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.client.Close)
			s.assigned(t.Context(), s.client, taken)
			trouble(s, &entry{record: &Record{Topic: at.topic, Key: []byte("a")}, partition: s.partitions[at]})
			if shown != nil {
				t.Errorf("still shown: %v", shown)
			}
		})
	}
}
