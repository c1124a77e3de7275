// Package cluster reads and changes the topics of one Kafka cluster. It keeps one client, and puts what is asked for at
// the same time into common requests: one bad topic in a batch spoils no other.
package cluster

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/batch"
)

const (
	// Chunk is how many topics one request asks about at most.
	Chunk = 5000
	// changeBatch is how many topics one request changes at most.
	changeBatch = 200
	// partitionBatch is how many partitions one request makes at most. Apache Kafka refuses all of a request that makes
	// more than 10,000.
	partitionBatch = 2000
	// settling is how long brokers may show what was before a change.
	settling = 30 * time.Second

	requestTimeout = 20 * time.Second
)

// Cluster is one Kafka cluster. It is safe for concurrent use.
type Cluster struct {
	client *kgo.Client
	stop   context.CancelFunc
	report func(error)
	wire   *wire

	describes *batch.Batcher[Query, *topic.Topic]
	creates   *batch.Batcher[topic.Desired, *topic.Topic]
	grows     *batch.Batcher[growth, struct{}]
	alters    *batch.Batcher[alteration, struct{}]
	checks    *batch.Batcher[alteration, struct{}]
	deletes   *batch.Batcher[deletion, struct{}]
	reassigns *batch.Batcher[*topic.Topic, int32]

	facts     atomic.Pointer[facts]
	mu        sync.Mutex
	fresh     map[string]time.Time // topics made lately, by name
	deleted   map[string]time.Time // topics deleted lately, by id
	throttled time.Time            // no changes before
	idsUntil  time.Time            // when byID must be asked again
	byID      bool
}

// facts is what every Metadata answer tells about the cluster.
type facts struct {
	brokers  int
	redpanda bool
}

// Open makes the client. It dials nothing. report is told what the brokers' absence looks like, nil when they are back.
func Open(config kafka.Config, log *slog.Logger, metrics prometheus.Registerer, report func(error)) (*Cluster, error) {
	w := newWire(metrics)
	opts := append(config.Options("topic-controller", log),
		kgo.MetadataMaxAge(10*time.Minute), // nothing is consumed or produced: the client's own view of the topics is not used
		kgo.RetryTimeout(5*time.Second),
		kgo.WithHooks(w))
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("make the Kafka client: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	c := &Cluster{client: client, stop: stop, report: report, wire: w, fresh: map[string]time.Time{}, deleted: map[string]time.Time{}}
	c.facts.Store(&facts{})
	c.describes = &batch.Batcher[Query, *topic.Topic]{Context: ctx, Most: Chunk, Run: c.describe}
	c.creates = &batch.Batcher[topic.Desired, *topic.Topic]{Context: ctx, Most: partitionBatch, Run: c.create,
		Weight: func(d topic.Desired) int { return max(int(d.Partitions), partitionBatch/changeBatch) },
		Name:   func(d topic.Desired) string { return d.Name }}
	c.grows = &batch.Batcher[growth, struct{}]{Context: ctx, Most: partitionBatch, Run: c.grow,
		Weight: func(g growth) int { return max(int(g.to), partitionBatch/changeBatch) },
		Name:   func(g growth) string { return g.topic }}
	c.alters = &batch.Batcher[alteration, struct{}]{Context: ctx, Most: changeBatch, Run: c.alter,
		Name: func(a alteration) string { return a.topic }}
	c.checks = &batch.Batcher[alteration, struct{}]{Context: ctx, Most: changeBatch, Run: c.check,
		Name: func(a alteration) string { return a.topic }}
	c.deletes = &batch.Batcher[deletion, struct{}]{Context: ctx, Most: changeBatch, Run: c.delete,
		Name: func(d deletion) string { return d.topic }}
	c.reassigns = &batch.Batcher[*topic.Topic, int32]{Context: ctx, Most: changeBatch, Run: c.reassigned,
		Name: func(t *topic.Topic) string { return t.Name }}
	return c, nil
}

// Close ends the client; what is under way fails.
func (c *Cluster) Close() {
	c.stop()
	c.client.Close()
}

// Brokers is how many brokers there were when one was last asked, 0 before that.
func (c *Cluster) Brokers() int { return c.facts.Load().brokers }

// Redpanda tells that the cluster sets the number of a topic's replicas by itself.
func (c *Cluster) Redpanda() bool { return c.facts.Load().redpanda }

// request asks the cluster, and tells whether brokers answer.
func request[R kmsg.Response](ctx context.Context, c *Cluster, req kmsg.Request) (R, *Error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	resp, err := c.client.Request(ctx, req)
	if err != nil {
		failed := failure(err)
		c.wire.failed(req.Key(), failed.Code)
		if failed.Kind == Unavailable {
			c.report(err)
		}
		var none R
		return none, failed
	}
	c.report(nil)
	return resp.(R), nil
}

// remember keeps a name or an id for as long as brokers may show what was before.
func (c *Cluster) remember(what map[string]time.Time, keys ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for key, at := range what {
		if now.Sub(at) > settling {
			delete(what, key)
		}
	}
	for _, key := range keys {
		what[key] = now
	}
}

func (c *Cluster) forget(what map[string]time.Time, key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(what, key)
}

func (c *Cluster) lately(what map[string]time.Time, key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := what[key]
	return ok && time.Since(at) <= settling
}

// waitThrottle keeps changes back for as long as the brokers asked for.
func (c *Cluster) waitThrottle(ctx context.Context) {
	c.mu.Lock()
	wait := time.Until(c.throttled)
	c.mu.Unlock()
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (c *Cluster) throttle(e *Error) {
	if e == nil || e.Kind != Throttled {
		return
	}
	if e.After <= 0 {
		e.After = time.Second
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.throttled = time.Now().Add(min(e.After, 30*time.Second))
}

// idText is a topic's id as Kafka's own tools print it, empty for none.
func idText(id [16]byte) string {
	if id == ([16]byte{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(id[:])
}

func idBytes(text string) (id [16]byte, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil && len(raw) != len(id) {
		err = fmt.Errorf("%d bytes", len(raw))
	}
	copy(id[:], raw)
	return id, err
}

func isRedpanda(clusterID *string) bool {
	return clusterID != nil && strings.HasPrefix(*clusterID, "redpanda.")
}

func sortedKeys(keys []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(keys)))
}
