package redrive_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/deadletter/redrive"
	"github.com/openorder/openorder/services/internal/kafka"
)

var (
	seeds = flag.Int("seeds", 40, "simulate so many seeds, from 1 on")
	seed  = flag.Uint64("seed", 0, "simulate this seed alone")
)

// What breaks comes from the seed. The network is in memory and the clock moves only when everybody waits, so minutes of
// waiting for what does not answer take no time.
func TestWhateverBreaksTheNextRunFinishesTheWorkAndRedrivesNothingTwice(t *testing.T) {
	t.Parallel()
	first, last := uint64(1), uint64(*seeds)
	if *seed != 0 {
		first, last = *seed, *seed
	}
	for n := first; n <= last; n++ {
		t.Run(fmt.Sprintf("seed=%d", n), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { simulate(t, n) }) })
	}
}

func simulate(t *testing.T, seed uint64) {
	const letters = 100
	chance := rand.New(rand.NewPCG(seed, seed))
	network := new(kfake.VirtualNetwork)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(network.Listen))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	b := setup(t, kafka.Config{Brokers: "127.0.0.1:9092", Dial: network.DialContext})
	b.bury(springs(letters)...)
	var runs sync.WaitGroup
	for n := range 6 {
		line := &line{network: network}
		line.left.Store(int64(5 + chance.IntN(80)))
		fault := cluster.Fault(refusal(chance))
		runs.Go(func() {
			// How it ends is nothing to go by: what it was told may be wrong.
			if run, err := redrive.Open(t.Context(), b.over(line, n), slog.New(slog.DiscardHandler)); err == nil {
				_, _ = run.Run(t.Context(), quiet)
				run.Close()
			}
		})
		if chance.IntN(2) == 0 {
			runs.Wait()
		} else { // the next begins while this one may still be at it
			time.Sleep(time.Duration(chance.IntN(5000)) * time.Millisecond)
		}
		fault.Remove()
	}
	runs.Wait() // the last one may be overtaken by none of them
	b.redrive(func(p *redrive.Plan) { p.Run = "last" })
	b.wantEachOnce(letters)
}

// over is a plan whose run reaches the brokers over a line of its own.
func (b *bench) over(l *line, n int) redrive.Plan {
	return b.plan(func(p *redrive.Plan) {
		p.Run, p.Rate = fmt.Sprint("run-", n), 50
		p.Kafka.Dial = l.dial
	})
}

// refusal is what the broker says to a few requests in place of doing them, or beside.
func refusal(chance *rand.Rand) kfake.Fault {
	refusals := []kfake.Fault{
		{Keys: []kmsg.Key{kmsg.Produce}, Topic: origin, Err: kerr.NotLeaderForPartition},
		{Keys: []kmsg.Key{kmsg.Produce}, Topic: origin, Err: kerr.NotEnoughReplicasAfterAppend},
		{Keys: []kmsg.Key{kmsg.Produce}, Topic: origin, Err: kerr.KafkaStorageError},
		{Keys: []kmsg.Key{kmsg.Produce}, Topic: redrive.TrailTopic(dlt), Err: kerr.NotEnoughReplicas},
		{Keys: []kmsg.Key{kmsg.Fetch}, Topic: dlt, Err: kerr.NotLeaderForPartition},
		{Keys: []kmsg.Key{kmsg.InitProducerID}, TopLevel: true, Err: kerr.ConcurrentTransactions},
		{Keys: []kmsg.Key{kmsg.InitProducerID}, TopLevel: true, Err: kerr.CoordinatorNotAvailable},
		{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.CoordinatorLoadInProgress},
		{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.RequestTimedOut},
		{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.UnknownServerError},
	}
	fault := refusals[chance.IntN(len(refusals))]
	fault.Count = 1 + chance.IntN(4)
	return fault
}

// line is a run's way to the brokers, until it is cut. From then on nobody hears it, which is what others see of kill -9.
type line struct {
	network *kfake.VirtualNetwork
	left    atomic.Int64 // writes until it is cut
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if l.left.Load() <= 0 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	conn, err := l.network.DialContext(ctx, network, address)
	return &lineConn{conn, l}, err
}

type lineConn struct {
	net.Conn
	line *line
}

func (c *lineConn) Write(bytes []byte) (int, error) {
	if c.line.left.Add(-1) <= 0 {
		return len(bytes), nil
	}
	return c.Conn.Write(bytes)
}
