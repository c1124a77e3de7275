package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ProduceFunc produces records and returns when each is acknowledged or has failed, an error a record in the same
// order. An error of a record leaves open whether it was written.
type ProduceFunc func(ctx context.Context, records []*Record) []error

// ProducerConfig is what a Producer needs.
type ProducerConfig struct {
	Kafka    Config
	ClientID string
	// Letters makes it a producer of dead letters: each goes to the partition it names, and is cut until it fits.
	Letters bool
	Log     *slog.Logger
	Metrics prometheus.Registerer
	Report  func(error) // told what the producer waits for, nil when it waits for nothing; may be nil
}

// Producer produces with idempotence and acks from all in-sync replicas, and outlives refusals: franz-go keeps some of
// them (a missing right to InitProducerId, a recreated topic) for its client's life, so this starts a new client.
// It is safe for concurrent use.
type Producer struct {
	config     ProducerConfig
	leaderless *leaderless
	log        *hushable // the clients'

	mu       sync.RWMutex // read-held while producing with client, so that a replaced one is idle
	client   atomic.Pointer[kgo.Client]
	closed   atomic.Bool
	replaced time.Time
}

const (
	deliveryTimeout = 10 * time.Second
	// A producer's limits count uncompressed bytes, while the brokers' counts compressed ones: 5 MiB of spaces arrive in a
	// record of a few KiB and must fit into a dead letter.
	maxBatchBytes  = 1_000_000
	maxLetterBytes = 96 << 20
)

// NewProducer checks the settings; it dials nothing.
func NewProducer(config ProducerConfig) (*Producer, error) {
	if config.Report == nil {
		config.Report = func(error) {}
	}
	p := &Producer{config: config, leaderless: newLeaderless(), log: &hushable{clientLog: newClientLog(config.Log)}}
	client, err := p.newClient()
	if err != nil {
		return nil, err
	}
	p.client.Store(client)
	return p, nil
}

func (p *Producer) newClient() (*kgo.Client, error) {
	limit, partitioner := int32(maxBatchBytes), kgo.StickyKeyPartitioner(nil)
	if p.config.Letters {
		limit, partitioner = maxLetterBytes, samePartition{}
	}
	client, err := kgo.NewClient(append(p.config.Kafka.Options(p.config.ClientID, p.config.Log),
		kgo.WithLogger(p.log),
		kgo.RecordPartitioner(partitioner),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchMaxBytes(limit),
		kgo.RecordDeliveryTimeout(deliveryTimeout),
		kgo.ProduceRequestTimeout(deliveryTimeout),
		kgo.MaxBufferedRecords(50_000),
		kgo.UnknownTopicRetries(1),
		kgo.WithHooks(hooks(p.config.Metrics, p.config.ClientID)...),
	)...)
	if err != nil {
		return nil, fmt.Errorf("make a producer: %w", err)
	}
	return client, nil
}

// Produce is a ProduceFunc. It returns when ctx ends, and within the delivery time-out, 10 s, but for records that a broker may
// have got, whose answer it awaits, and for dead letters that are cut.
func (p *Producer) Produce(ctx context.Context, records []*Record) []error {
	errs := p.produce(ctx, records)
	var failed error
	for i, err := range errs {
		if tooLarge(err) {
			errs[i] = p.produceAlone(ctx, records[i])
		}
		if errs[i] != nil {
			failed = errs[i]
		}
	}
	if lasting(failed) {
		p.replaceClient(failed)
	}
	if failed != nil {
		failed = fmt.Errorf("produce: %w", failed)
	}
	p.config.Report(failed)
	return errs
}

func (p *Producer) produce(ctx context.Context, records []*Record) []error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.config.Letters { // which name their partitions
		return p.send(ctx, records)
	}
	errs := p.leaderless.refusals(ctx, p.client.Load(), records)
	if errs == nil {
		errs = p.send(ctx, records)
	} else {
		p.sendOthers(ctx, records, errs)
	}
	p.leaderless.note(ctx, p.client.Load(), records, errs)
	return errs
}

// sendOthers sends the records that have no error yet, and adds theirs.
func (p *Producer) sendOthers(ctx context.Context, records []*Record, errs []error) {
	var others []*Record
	var places []int
	for i, err := range errs {
		if err == nil {
			others, places = append(others, records[i]), append(places, i)
		}
	}
	for i, err := range p.send(ctx, others) {
		errs[places[i]] = err
	}
}

// send produces and waits, until ctx ends at most; mu is held. franz-go itself gives up no record that a broker may have got.
func (p *Producer) send(ctx context.Context, records []*Record) []error {
	if len(records) == 0 {
		return nil
	}
	client := p.client.Load()
	errs := make([]error, len(records))
	var pending atomic.Int64
	pending.Store(int64(len(records)))
	done := make(chan struct{})
	for i, r := range records {
		client.Produce(ctx, r, func(_ *kgo.Record, err error) {
			errs[i] = err
			if pending.Add(-1) == 0 {
				close(done)
			}
		})
	}
	select {
	case <-done:
		return errs
	case <-ctx.Done(): // answers may come yet, into the slice that nobody reads
		return slices.Repeat([]error{fmt.Errorf("not acknowledged: %w", context.Cause(ctx))}, len(records))
	}
}

// produceAlone tries a record by itself whose batch was too large, and cuts it, if it is a dead letter, until it fits.
// Of dead letters nothing else is produced meanwhile: in a batch with others one would be cut for their size.
func (p *Producer) produceAlone(ctx context.Context, r *Record) error {
	if !p.config.Letters {
		return p.produce(ctx, []*Record{r})[0]
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		err := p.send(ctx, []*Record{r})[0]
		if !tooLarge(err) || !shrink(r) {
			return err
		}
	}
}

// tooLarge tells whether brokers take no batch of that size, be it for its own sake or for that of their segments.
func tooLarge(err error) bool {
	return errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge)
}

// lasting tells whether the client may keep giving the same answer although its cause is gone.
func lasting(err error) bool {
	return err != nil && !errors.Is(err, kgo.ErrClientClosed) && !errors.Is(err, kgo.ErrRecordTimeout) && !errors.Is(err, kgo.ErrRecordRetries) &&
		!tooLarge(err) && !errors.Is(err, kerr.UnknownTopicOrPartition) && !errors.Is(err, kerr.LeaderNotAvailable) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// replaceClient starts a new client in place of one that keeps a refusal, at most one a second.
func (p *Producer) replaceClient(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.replaced) < time.Second {
		return
	}
	p.replaced = time.Now()
	p.config.Log.Warn("start a new producer", "client", p.config.ClientID, "cause", cause)
	p.client.Load().Close()
	client, err := p.newClient()
	if err != nil { // the settings were good for the one before
		p.config.Report(err)
		return
	}
	p.client.Store(client)
	if p.closed.Load() {
		client.Close()
	}
}

// Close ends the client at once. What is still being produced fails.
func (p *Producer) Close() {
	p.closed.Store(true)
	p.client.Load().Close()
	p.log.hushed.Store(true) // as a session's
}

// samePartition puts dead letters where they say.
type samePartition struct{}

func (samePartition) ForTopic(string) kgo.TopicPartitioner { return samePartition{} }
func (samePartition) RequiresConsistency(*kgo.Record) bool { return true }
func (samePartition) Partition(r *kgo.Record, partitions int) int {
	return int(r.Partition) % partitions
}
