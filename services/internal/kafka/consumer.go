package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Handler takes batches of records. It is expected to be idempotent: records come again after a crash, a rebalance, a
// retry, or a produce that was not acknowledged.
//
// The context ends when the service stops. Handle and Probe are never called at the same time.
type Handler interface {
	// Handle does all of a batch in as few transactions as it can and returns a Result a record, in the batch's order.
	// The records of a partition are in offset order. An error is about the whole batch: an outage (tried again without
	// end) or, if Faulty, a refusal (the batch is split until the culprit stands alone; a panic counts as one).
	Handle(ctx context.Context, batch []*Record) ([]Result, error)

	// Probe does what Handle does to the same tables and undoes it. When a record fails alone with an error that may be
	// an outage and Probe succeeds, it was the record.
	Probe(ctx context.Context) error
}

// Result is what became of one record.
type Result struct {
	// Err is nil for a record that is done. See Fatal and Faulty; any other error is tried again without end.
	Err error
	// Emit is produced, and acknowledged, before the record counts as done. Handle may return before that.
	Emit []*Record
}

// ConsumerConfig is what a Consumer needs.
type ConsumerConfig struct {
	Kafka      Config
	Group      string
	Topics     []string
	ClientID   string
	MaxBatch   int    // records a Handle at most
	KeyName    string // what the records' keys are, for the log; "key" where empty
	DeadLetter string // where records go that cannot be taken; those of this topic itself are counted, logged and passed
	Handler    Handler
	// Outage tells of a Handler's error that it is certainly no verdict on the records, whatever Probe says. Nil: of none.
	Outage  func(error) bool
	Log     *slog.Logger
	Metrics prometheus.Registerer
	// Report is told what the consumer waits for, nil when it waits for nothing. It is shown, and takes no pod out.
	Report func(error)
}

// Consumer takes the records of a group's topics to a Handler, retries, dead-letters, and never loses its place: a
// record's offset is committed only when the record is done or its dead letter is acknowledged.
type Consumer struct {
	config  ConsumerConfig
	emits   *Producer // of what the handler emits
	letters *Producer // of dead letters
	metrics *consumerMetrics

	producing sync.WaitGroup // what is on its way through the two
}

const (
	attemptsInAll   = 3               // of a record that is itself at fault, as in the original
	attemptInterval = time.Second     // between them, as in the original
	outageBackoff   = 5 * time.Second // between attempts during an outage, at most
	commitInterval  = time.Second
	// The bounds of what one process keeps because of records that wait. 1 % poison at 60,000/s keeps 1,200 waiting and
	// 120,000 offsets open.
	maxWaiting      = 20_000
	maxWaitingBytes = 64 << 20
	maxOpenOffsets  = 1_000_000 // a partition
	maxInFlight     = 4         // handled batches whose emitted records are not all acknowledged
	rebalanceWait   = 10 * time.Second
)

// How long a session takes to stop, at most, once its handler has returned: what is in flight, the last commit, leaving the
// group. The brokers may be away; what was not committed is handled again by whoever comes next.
const (
	settleWait     = 4 * time.Second
	lastCommitWait = 2 * time.Second
	closeWait      = 3 * time.Second
)

// NewConsumer checks the settings; it dials nothing.
func NewConsumer(config ConsumerConfig) (*Consumer, error) {
	if config.Report == nil {
		config.Report = func(error) {}
	}
	if config.KeyName == "" {
		config.KeyName = "key"
	}
	if config.Outage == nil {
		config.Outage = func(error) bool { return false }
	}
	emits, err := NewProducer(ProducerConfig{
		Kafka: config.Kafka, ClientID: config.ClientID + "-emits", Log: config.Log, Metrics: config.Metrics,
	})
	if err != nil {
		return nil, err
	}
	letters, err := NewProducer(ProducerConfig{
		Kafka: config.Kafka, ClientID: config.ClientID + "-letters", Letters: true, Log: config.Log, Metrics: config.Metrics,
	})
	if err != nil {
		return nil, err
	}
	return &Consumer{config: config, emits: emits, letters: letters, metrics: newConsumerMetrics(config.Metrics, config.Group, config.Topics)}, nil
}

// What ends a session so that the next one begins at once.
var (
	// errRecreated: franz-go pins a topic's id for a client's life (its README, Topic recreation).
	errRecreated = errors.New("a topic was deleted and created again")
	// errTruncated: offsets that were read hold other records now.
	errTruncated = errors.New("the brokers have lost records that were read")
)

// Run consumes until ctx is done, then finishes the batch in hand, commits, and leaves the group, within 9 s of the Handler's
// return. It does not end before that: whatever goes wrong is reported and tried again.
func (c *Consumer) Run(ctx context.Context) error {
	defer c.producing.Wait() // which the closed producers refuse at once
	defer c.emits.Close()
	defer c.letters.Close()
	for ctx.Err() == nil {
		err := c.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, errRecreated) || errors.Is(err, errTruncated) {
			c.config.Log.Info("start consuming anew", "group", c.config.Group, "cause", err)
			continue
		}
		if err != nil {
			c.config.Report(err)
			c.config.Log.Warn("consuming ended, starting anew", "group", c.config.Group, "error", err)
		}
		pause(ctx, time.Second)
	}
	return nil
}

func (c *Consumer) session(ctx context.Context) error {
	s, err := newSession(c)
	if err != nil {
		return fmt.Errorf("make a consumer of %v: %w", c.config.Topics, err)
	}
	return s.run(ctx)
}

// pause waits for d or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
