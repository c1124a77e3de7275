package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// partition is one assignment of one partition. A new assignment gets a new one, so that what is still in flight for the
// old one is recognised and ignored.
type partition struct {
	topic     string
	number    int32
	low       *lowWater
	epoch     int32 // leader epoch of the last record fetched
	waiting   int   // entries of it that wait
	inFlight  int   // entries of it that are handled or emitted
	committed int64
	paused    bool
	gone      bool
}

type topicPartition struct {
	topic     string
	partition int32
}

// session is one client's life in the group. It ends when ctx does, or when a topic was recreated.
//
// One goroutine polls and handles. Acknowledgements, commits and rebalances come on others; mu guards what they share,
// and working is held while a batch is handled, so that a rebalance waits for its end.
type session struct {
	c      *Consumer
	client *kgo.Client
	admin  *kadm.Client
	log    *hushable // the client's

	working sync.Mutex

	mu          sync.Mutex
	changed     *sync.Cond // signalled when something in flight ends
	partitions  map[topicPartition]*partition
	waiting     *waiting
	inFlight    int    // batches whose emitted records are not all acknowledged
	unwritten   string // why records were last not acknowledged, empty once they are
	topicIDs    map[string][16]byte
	fetchFailed bool  // and was reported
	err         error // why the session must end

	commits   sync.Mutex // one commit at a time
	committed map[topicPartition]committedUnder
}

func newSession(c *Consumer) (*session, error) {
	s := &session{
		c: c, partitions: map[topicPartition]*partition{}, waiting: newWaiting(),
		topicIDs: map[string][16]byte{}, committed: map[topicPartition]committedUnder{},
		log: &hushable{clientLog: newClientLog(c.config.Log)},
	}
	s.changed = sync.NewCond(&s.mu)
	opts := append(c.config.Kafka.Options(c.config.ClientID, c.config.Log),
		kgo.WithLogger(s.log),
		kgo.ConsumerGroup(c.config.Group),
		kgo.ConsumeTopics(c.config.Topics...),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.BlockRebalanceOnPoll(),
		kgo.RebalanceTimeout(60*time.Second),
		kgo.SessionTimeout(12*time.Second), // of a process that was killed, its partitions wait so long
		kgo.DisableAutoCommit(),
		kgo.FetchMaxWait(500*time.Millisecond),
		// A fetch is kept in memory decompressed, some ten times as large with its records; a few batches of it are enough.
		kgo.FetchMaxBytes(3<<20),
		kgo.FetchMaxPartitionBytes(1<<20),
		kgo.MaxConcurrentFetches(4),
		kgo.KeepControlRecords(),
		kgo.OnPartitionsAssigned(s.assigned),
		kgo.OnPartitionsRevoked(s.revoked),
		kgo.OnPartitionsLost(s.lost),
		kgo.OnOffsetsFetched(s.offsetsFetched),
		kgo.AdjustFetchOffsetsFn(s.adjustOffsets),
		kgo.WithHooks(append(hooks(c.config.Metrics, c.config.ClientID), s)...),
	)
	_, err := kgo.NewClient(opts...)
	return s, err
}

// OnNewClient implements kgo.HookNewClient. Partitions may be assigned, and the session asked for their offsets, before
// NewClient returns; this is called before.
func (s *session) OnNewClient(client *kgo.Client) {
	s.client, s.admin = client, kadm.NewClient(client)
}

func (s *session) run(ctx context.Context) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var loops sync.WaitGroup
	loops.Go(func() { s.commitLoop(background) })
	loops.Go(func() { s.watchLoop(background) })
	for ctx.Err() == nil && s.failed() == nil {
		s.step(ctx)
	}
	stop()
	loops.Wait()
	s.settleInFlight(settleWait)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastCommitWait)
	defer cancel()
	s.commit(last)
	s.close()
	return s.failed()
}

// close leaves the group and ends the client. While a rebalance waits for a member that was killed, neither can be done:
// franz-go lets its join run to the end. Everything is committed by now, so the client is left to end by itself then.
func (s *session) close() {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.client.CloseAllowingRebalance()
	}()
	defer s.log.hushed.Store(true) // some of the client's goroutines outlive even its Close
	select {
	case <-closed:
	case <-time.After(closeWait):
		s.c.config.Log.Warn("a rebalance holds the consumer up, stop without leaving the group", "group", s.c.config.Group)
	}
}

// step polls once and takes what came, and what is due, to the handler.
func (s *session) step(ctx context.Context) {
	pollCtx, cancel := context.WithTimeout(ctx, s.patience())
	fetches := s.client.PollRecords(pollCtx, s.c.config.MaxBatch)
	cancel()
	defer s.client.AllowRebalance()
	if fetches.IsClientClosed() {
		s.fail(errors.New("the client was closed"))
		return
	}
	fetches.EachError(s.fetchError)
	batch := s.accept(fetches)
	s.work(ctx, batch)
	s.throttle()
}

// patience is how long to wait for records while others wait to be tried again. What is due can wait for company: alone
// it would cost a transaction, and keep the batch that arrives meanwhile waiting for it.
func (s *session) patience() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, ok := s.waiting.next()
	if !ok {
		return 250 * time.Millisecond
	}
	return min(max(time.Until(next), 20*time.Millisecond), 250*time.Millisecond)
}

// accept registers what was fetched and returns what can be handled now: what is due again, then what is new and waits
// behind nothing.
func (s *session) accept(fetches kgo.Fetches) []*entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := s.waiting.ready(time.Now(), s.c.config.MaxBatch)
	entries := make([]entry, 0, fetches.NumRecords())
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		p := s.partitions[topicPartition{f.Topic, f.Partition}]
		if p == nil {
			return
		}
		for _, r := range f.Records {
			if !p.low.fetched(r.Offset) {
				continue
			}
			p.epoch = r.LeaderEpoch
			if r.Attrs.IsControl() {
				p.low.finished(r.Offset)
				continue
			}
			if redrivenForAnother(s.c.config.Group, r) {
				p.low.finished(r.Offset)
				s.c.metrics.record(r.Topic, "passed")
				continue
			}
			entries = append(entries, entry{record: r, partition: p})
			if e := &entries[len(entries)-1]; !s.waiting.holdBack(e) {
				batch = append(batch, e)
			}
		}
	})
	for _, e := range batch {
		e.partition.inFlight++
	}
	return batch
}

func (s *session) fetchError(topic string, partition int32, err error) {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return
	}
	if lost, ok := errors.AsType[*kgo.ErrDataLoss](err); ok {
		s.truncated(lost)
		return
	}
	s.mu.Lock()
	s.fetchFailed = true
	s.mu.Unlock()
	s.c.config.Report(fmt.Errorf("fetch %s/%d: %w", topic, partition, err))
	s.c.config.Log.Debug("fetch failed", "topic", topic, "partition", partition, "error", err)
}

// truncated ends the session where the brokers have lost records that it has read: others have their offsets now, and to
// this session they would look like those that it knows. The next one begins where the brokers' log was cut.
func (s *session) truncated(lost *kgo.ErrDataLoss) {
	s.c.config.Log.Warn("the brokers have lost records that were read", "topic", lost.Topic, "partition", lost.Partition,
		"read_to", lost.ConsumedTo, "read_again_from", lost.ResetTo)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.partitions[topicPartition{lost.Topic, lost.Partition}]
	if p == nil || p.low.next < 0 {
		return // another session has read them
	}
	p.gone = true // what is in flight moves the mark no more
	p.low.next = min(p.low.next, lost.ResetTo)
	if s.err == nil {
		s.err = errTruncated
	}
}

func (s *session) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

func (s *session) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// throttle stops fetching partitions for which too much is kept, and goes on once half of it is gone.
func (s *session) throttle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	full := s.waiting.count > maxWaiting || s.waiting.bytes > maxWaitingBytes
	roomy := s.waiting.count < maxWaiting/2 && s.waiting.bytes < maxWaitingBytes/2
	for at, p := range s.partitions {
		one := map[string][]int32{at.topic: {at.partition}}
		switch {
		case !p.paused && (p.low.open() > maxOpenOffsets || full && p.waiting > 0):
			s.client.PauseFetchPartitions(one)
			p.paused = true
		case p.paused && p.low.open() < maxOpenOffsets/2 && (roomy || p.waiting == 0):
			s.client.ResumeFetchPartitions(one)
			p.paused = false
		}
	}
	s.c.metrics.waiting.Set(float64(s.waiting.count))
}
